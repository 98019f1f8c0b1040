/** Small mistakes put into a source file, one at a time: what a test that is worth its name must notice. */
import ts from "typescript";

/** One mistake. */
export interface Mutant {
  readonly line: number;
  readonly original: string;
  readonly replacement: string;
  /** The whole source with the mistake in it. */
  readonly source: string;
}

/** Words for people, which no check hangs on: they aren't changed. */
const PROSE = new Set(["id", "title", "severity", "level", "onUnknown", "why", "fix", "examples", "pass", "fail"]);

const OPERATORS: Partial<Record<ts.SyntaxKind, string>> = {
  [ts.SyntaxKind.EqualsEqualsEqualsToken]: "!==",
  [ts.SyntaxKind.ExclamationEqualsEqualsToken]: "===",
  [ts.SyntaxKind.LessThanToken]: "<=",
  [ts.SyntaxKind.LessThanEqualsToken]: "<",
  [ts.SyntaxKind.GreaterThanToken]: ">=",
  [ts.SyntaxKind.GreaterThanEqualsToken]: ">",
  [ts.SyntaxKind.AmpersandAmpersandToken]: "||",
  [ts.SyntaxKind.BarBarToken]: "&&",
  [ts.SyntaxKind.PlusToken]: "-",
  [ts.SyntaxKind.MinusToken]: "+",
  [ts.SyntaxKind.AsteriskToken]: "/",
  [ts.SyntaxKind.SlashToken]: "*",
};

const METHODS: Readonly<Record<string, string>> = { some: "every", every: "some", startsWith: "endsWith", endsWith: "startsWith" };

/** Every mistake that the operators of this file make of what judges: not of prose, types, or what only examples are made of. */
export function mutantsOf(source: string, fileName: string): Mutant[] {
  const file = ts.createSourceFile(fileName, source, ts.ScriptTarget.Latest, true);
  const judging = judgingDeclarations(file);
  const found: Mutant[] = [];
  const replace = (node: ts.Node, replacement: string): void => {
    const [start, end] = [node.getStart(file), node.getEnd()];
    if (source.slice(start, end) === replacement) return;
    found.push({ line: file.getLineAndCharacterOfPosition(start).line + 1, original: source.slice(start, end), replacement, source: source.slice(0, start) + replacement + source.slice(end) });
  };
  const visit = (node: ts.Node): void => {
    if (isProse(node)) return;
    mutate(node, file, replace);
    ts.forEachChild(node, visit);
  };
  for (const statement of file.statements) if (declaredNames(statement).some((name) => judging.has(name))) visit(statement);
  return found;
}

/** Names of the top-level declarations that exported ones need for more than their examples. */
function judgingDeclarations(file: ts.SourceFile): ReadonlySet<string> {
  const byName = new Map(file.statements.flatMap((statement) => declaredNames(statement).map((name) => [name, statement] as const)));
  const reached = new Set<string>();
  const reach = (node: ts.Node): void => {
    if (isProse(node)) return;
    if (ts.isIdentifier(node)) {
      const statement = byName.get(node.text);
      if (statement && !reached.has(node.text)) {
        reached.add(node.text);
        reach(statement);
      }
    }
    ts.forEachChild(node, reach);
  };
  for (const statement of file.statements) if (ts.canHaveModifiers(statement) && ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) reach(statement);
  return reached;
}

function declaredNames(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement)) return statement.declarationList.declarations.flatMap(({ name }) => (ts.isIdentifier(name) ? [name.text] : []));
  return ts.isFunctionDeclaration(statement) && statement.name ? [statement.name.text] : [];
}

function isProse(node: ts.Node): boolean {
  return ts.isTypeNode(node) || (ts.isPropertyAssignment(node) && ts.isIdentifier(node.name) && PROSE.has(node.name.text));
}

function mutate(node: ts.Node, file: ts.SourceFile, replace: (node: ts.Node, replacement: string) => void): void {
  if (ts.isBinaryExpression(node)) {
    const other = OPERATORS[node.operatorToken.kind];
    if (other !== undefined) replace(node.operatorToken, other);
    if (node.operatorToken.kind === ts.SyntaxKind.QuestionQuestionToken) replace(node, node.left.getText(file));
  } else if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken) replace(node, node.operand.getText(file));
  else if (ts.isConditionalExpression(node) || ts.isIfStatement(node)) {
    const condition = ts.isIfStatement(node) ? node.expression : node.condition;
    replace(condition, "true");
    replace(condition, "false");
  } else if (node.kind === ts.SyntaxKind.TrueKeyword) replace(node, "false");
  else if (node.kind === ts.SyntaxKind.FalseKeyword) replace(node, "true");
  else if (ts.isNumericLiteral(node)) replace(node, String(Number(node.text) + 1));
  else if (ts.isStringLiteral(node) && !isDescription(node)) replace(node, node.text === "" ? '"mutant"' : '""');
  else if (ts.isTemplateExpression(node) || (ts.isNoSubstitutionTemplateLiteral(node) && node.text !== "")) replace(node, "``");
  else if (ts.isArrayLiteralExpression(node) && node.elements.length > 0) replace(node, "[]");
  else if (ts.isRegularExpressionLiteral(node)) {
    const [, body = "", flags = ""] = /^\/(.*)\/(\w*)$/s.exec(node.text) ?? [];
    if (body.startsWith("^")) replace(node, `/${body.slice(1)}/${flags}`);
    if (body.endsWith("$") && !body.endsWith("\\$")) replace(node, `/${body.slice(0, -1)}/${flags}`);
  } else if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
    const { name, expression } = node.expression;
    const other = METHODS[name.text];
    if (other !== undefined) replace(name, other);
    if (name.text === "filter" || name.text === "toLowerCase" || name.text === "toUpperCase") replace(node, expression.getText(file));
  }
}

/** Whether a string only tells what a parameter is. */
function isDescription(node: ts.Node): boolean {
  const call = node.parent;
  return ts.isCallExpression(call) && ts.isPropertyAccessExpression(call.expression) && call.expression.name.text === "describe";
}
