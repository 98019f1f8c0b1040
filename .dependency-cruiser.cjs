/** The one direction of imports; ARCHITECTURE.md explains it. */
const folder = (name) => `^${name}/`;

module.exports = {
  forbidden: [
    { name: "no-circular", severity: "error", from: {}, to: { circular: true } },
    { name: "nothing-imports-tests", severity: "error", from: { pathNot: folder("tests") }, to: { path: folder("tests") } },
    { name: "config-is-the-base", severity: "error", from: { path: folder("config") }, to: { path: "^(components|engine|policies|delivery|cluster|services|index)" } },
    { name: "components-import-config-only", severity: "error", from: { path: folder("components") }, to: { path: "^(engine|policies|delivery|cluster|services|index)" } },
    { name: "index-composes", severity: "error", from: { path: "^index\\.ts$" }, to: { path: "^(engine|policies|delivery|cluster|services|tests)" } },
    { name: "policies-stand-alone", severity: "error", from: { path: folder("policies") }, to: { path: "^(components|config|engine|delivery|cluster|services|index)" } },
    { name: "rules-do-not-import-pulumi", severity: "error", from: { path: "^policies/(rules|kubernetes|rule)" }, to: { path: "node_modules/@pulumi" } },
    { name: "engine-runs-any-program", severity: "error", from: { path: folder("engine") }, to: { path: "^(components|config|policies|delivery|cluster|services|index)" } },
    { name: "ledger-and-attestation-stand-alone", severity: "error", from: { path: "^(ledger|attestation)/" }, to: { path: "^(components|config|engine|policies|delivery|cluster|services|index)" } },
    { name: "delivery-releases-stacks", severity: "error", from: { path: folder("delivery") }, to: { path: "^(components|config|cluster|services|index)" } },
    { name: "services-stand-alone", severity: "error", from: { path: folder("services") }, to: { path: "^(components|config|engine|policies|delivery|cluster|index)" } },
    { name: "no-unresolved", severity: "error", from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(^|/)(bin|generated)/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "require", "node", "default"], extensions: [".ts", ".mjs", ".cjs", ".js", ".json", ".d.ts"] },
  },
};
