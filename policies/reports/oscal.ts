/** OSCAL 1.1.2: what the pack answers for (component definition), and what it found (assessment results). */
import { CONTROLS, FRAMEWORKS } from "../controls.ts";
import { stableUuid, type Report, type ReportFinding } from "./report.ts";

const OSCAL_VERSION = "1.1.2";
const NAMESPACE = "https://rlhf-audit-trail.dev/ns/oscal";

function metadata(report: Report, title: string): object {
  return { title, "last-modified": report.generated, version: report.tool.version, "oscal-version": OSCAL_VERSION };
}

function prop(name: string, value: string): { name: string; ns: string; value: string } {
  // Values may not be empty, nor begin or end with blanks.
  return { name, ns: NAMESPACE, value: value.replace(/\s+/g, " ").trim() || "none" };
}

/** A list as a property, left out where it is empty: OSCAL admits no empty lists. */
function listed<Name extends string>(name: Name, items: readonly object[]): { [name in Name]?: readonly object[] } {
  return (items.length > 0 ? { [name]: items } : {}) as { [name in Name]?: readonly object[] };
}

/** The pack as a component that implements controls, one requirement a control and one property a rule. */
export function oscalComponentDefinition(report: Report): object {
  const component = stableUuid("component", report.tool.name);
  return {
    "component-definition": {
      uuid: stableUuid("component-definition", report.tool.name, report.generated),
      metadata: metadata(report, `Controls that ${report.tool.name} answers for`),
      components: [
        {
          uuid: component,
          type: "validation",
          title: report.tool.name,
          description: "A policy pack that judges declared Kubernetes resources and the evidence of a release.",
          ...listed("props", report.rules.flatMap((rule) => [
            { ...prop("Rule_Id", rule.id), remarks: `rule_${rule.id}` },
            { ...prop("Rule_Description", rule.title), remarks: `rule_${rule.id}` },
            { ...prop("Check_Id", rule.id), remarks: `rule_${rule.id}` },
          ])),
          "control-implementations": Object.entries(FRAMEWORKS).map(([framework, edition]) => ({
            uuid: stableUuid("implementation", framework),
            source: `${NAMESPACE}/catalog/${framework}`,
            description: edition,
            "implemented-requirements": CONTROLS.filter((control) => control.framework === framework).map((control) => ({
              uuid: stableUuid("requirement", control.id),
              "control-id": control.id,
              description: control.title,
              props: control.rules.map((rule) => prop("Rule_Id", rule)),
            })),
          })),
        },
      ],
    },
  };
}

/** The findings as assessment results: one observation a rule, one finding a control. */
export function oscalAssessmentResults(report: Report): object {
  const judged = new Set(report.rules.map(({ id }) => id));
  const failing = new Set(report.findings.filter((finding) => finding.status !== "waived" && finding.level === "mandatory").map((finding) => finding.rule));
  return {
    "assessment-results": {
      uuid: stableUuid("results", report.generated),
      metadata: metadata(report, "Judgement of declared resources"),
      "import-ap": { href: `#${stableUuid("plan", report.configuration.digest)}` },
      results: [
        {
          uuid: stableUuid("result", report.generated),
          title: report.tool.name,
          description: `${report.resources} resources judged by ${report.rules.length} policies: ${report.verdict}.`,
          start: report.generated,
          end: report.generated,
          props: facts(report),
          "reviewed-controls": { "control-selections": [{ "include-controls": CONTROLS.map((control) => ({ "control-id": control.id })) }] },
          ...listed("observations", report.rules.map((rule) => observation(report, rule.id, rule.title))),
          // Of a control none of whose policies is in force nothing can be said.
          ...listed("findings", CONTROLS.filter((control) => control.rules.some((rule) => judged.has(rule))).map((control) => {
            const bad = control.rules.filter((rule) => failing.has(rule));
            return {
              uuid: stableUuid("finding", control.id, report.generated),
              title: control.title,
              description: bad.length === 0 ? "No mandatory rule that answers for this control is broken." : `Broken: ${bad.join(", ")}.`,
              target: { type: "objective-id", "target-id": control.id, status: { state: bad.length === 0 ? "satisfied" : "not-satisfied" } },
              "related-observations": control.rules.filter((rule) => judged.has(rule)).map((rule) => ({ "observation-uuid": stableUuid("observation", rule, report.generated) })),
            };
          })),
        },
      ],
      "back-matter": {
        resources: [{ uuid: stableUuid("plan", report.configuration.digest), title: "Policies and settings in force", description: "The pack's policies and its settings are the assessment plan.", props: [prop("Settings_Digest", report.configuration.digest)] }],
      },
    },
  };
}

/** What was judged, by what, under which settings. */
function facts({ run, tool, configuration, verdict, images }: Report): object[] {
  return [
    prop("Verdict", verdict),
    prop("Run", run.kind),
    ...(run.stack === undefined ? [] : [prop("Stack", [run.organization, run.project, run.stack].filter((part) => part !== undefined).join("/"))]),
    ...(tool.digest === undefined ? [] : [prop("Pack_Digest", tool.digest)]),
    prop("Settings_Digest", configuration.digest),
    ...(configuration.fileDigest === undefined ? [] : [prop("Configuration_Digest", configuration.fileDigest)]),
    ...images.map(({ image }) => prop("Image", image)),
  ];
}

function observation(report: Report, rule: string, title: string): object {
  const findings = report.findings.filter((finding) => finding.rule === rule);
  return {
    uuid: stableUuid("observation", rule, report.generated),
    title: rule,
    description: title,
    props: [prop("Check_Id", rule)],
    methods: ["TEST"],
    collected: report.generated,
    ...listed("subjects", findings.map((finding) => subject(finding))),
  };
}

function subject(finding: ReportFinding): object {
  const result = finding.status === "waived" ? "waived" : finding.level === "mandatory" ? "fail" : "warn";
  return {
    "subject-uuid": stableUuid("subject", finding.resource),
    type: "resource",
    title: finding.resource,
    props: [
      prop("result", result),
      prop("reason", `${finding.path === "" ? "" : `${finding.path}: `}${finding.message}`),
      ...(finding.waiver ? [prop("waiver", `${finding.waiver.reason} (asked for by ${finding.waiver.requestedBy}, approved by ${finding.waiver.approver}, until ${finding.waiver.expires})`)] : []),
    ],
  };
}
