/** Findings as the page lists them: each thing that is wrong once, and below it where. */
import { html as markup, type Markup } from "./markup.ts";
import type { ReportFinding } from "./report.ts";

/** Findings by policy and message, in the order given. */
export function findingGroups(findings: readonly ReportFinding[]): Markup[] {
  const groups = new Map<string, ReportFinding[]>();
  for (const finding of findings) {
    const key = `${finding.rule}\n${finding.status}\n${finding.message}`;
    const alike = groups.get(key);
    if (alike === undefined) groups.set(key, [finding]);
    else alike.push(finding);
  }
  return [...groups.values()].map((group) => {
    const [first] = group;
    return markup`<article class="finding ${first?.level}"><h3>${first?.message}</h3>
<p><span class="${first?.level}">${first?.level}, ${first?.severity}</span>${first?.status === "undecided" ? " (not known before deployment)" : first?.status === "error" ? " (the policy itself failed)" : ""} <code>${first?.rule}</code></p>
<p>${first?.fix}</p>
<ul>${group.map((finding) => markup`<li>${place(finding)}</li>`)}</ul></article>`;
  });
}

function place({ resource, path, file, line }: ReportFinding): Markup {
  return markup`${resourceName(resource)}${path === "" ? undefined : markup` <code>${path}</code>`}${file === undefined ? undefined : markup` <small>${file}${line === undefined ? "" : `:${line}`}</small>`}`;
}

/** What a person calls a resource: its kind and name; the URN says much that is not needed here. */
export function resourceName(resource: string): string {
  if (!resource.startsWith("urn:")) return resource;
  const [, , types = "", ...rest] = resource.split("::");
  return `${types.split(/[$:]/).at(-1) ?? ""} ${rest.join("::")}`;
}
