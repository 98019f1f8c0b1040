/** Every report format by name. */
import { html } from "./html.ts";
import { junit } from "./junit.ts";
import { openReport } from "./open-reports.ts";
import { oscalAssessmentResults, oscalComponentDefinition } from "./oscal.ts";
import type { Report } from "./report.ts";
import { sarif } from "./sarif.ts";

const json = (value: object) => `${JSON.stringify(value, null, 2)}\n`;

/** What writes each format. */
export const FORMATS: Readonly<Record<string, (report: Report) => string>> = {
  json: (report) => json(report),
  sarif: (report) => json(sarif(report)),
  junit,
  openreports: (report) => json(openReport(report)),
  oscal: (report) => json(oscalAssessmentResults(report)),
  "oscal-component": (report) => json(oscalComponentDefinition(report)),
  html,
};
