import { type Schema } from "@cfworker/json-schema";

/** Pulumi's published schema of a version 3 deployment, in substance. */
export const deploymentSchema: Schema = {
  type: "object",
  required: ["version", "deployment"],
  additionalProperties: false,
  properties: {
    version: { const: 3 },
    deployment: {
      type: "object",
      required: ["manifest"],
      additionalProperties: false,
      properties: {
        manifest: {
          type: "object",
          required: ["time", "magic", "version"],
          additionalProperties: false,
          properties: {
            time: { type: "string", format: "date-time" },
            magic: { type: "string" },
            version: { type: "string" },
            plugins: { type: "array" },
          },
        },
        secrets_providers: {
          type: "object",
          required: ["type"],
          additionalProperties: false,
          properties: { type: { type: "string" }, state: {} },
        },
        resources: { type: "array", items: { $ref: "#/$defs/resource" } },
        pending_operations: {
          type: "array",
          items: {
            type: "object",
            required: ["resource", "type"],
            additionalProperties: false,
            properties: {
              resource: { $ref: "#/$defs/resource" },
              type: { enum: ["creating", "updating", "deleting", "reading"] },
            },
          },
        },
        metadata: { type: "object" },
      },
    },
  },
  $defs: {
    urns: { type: "array", items: { type: "string" } },
    resource: {
      type: "object",
      required: ["urn"],
      additionalProperties: false,
      properties: {
        urn: { type: "string" },
        custom: { type: "boolean" },
        delete: { type: "boolean" },
        id: { type: "string" },
        type: { type: "string" },
        inputs: { type: "object" },
        outputs: { type: "object" },
        parent: { type: "string" },
        protect: { type: "boolean" },
        external: { type: "boolean" },
        dependencies: { $ref: "#/$defs/urns" },
        initErrors: { type: "array", items: { type: "string" } },
        provider: { type: "string" },
        propertyDependencies: { type: "object", additionalProperties: { $ref: "#/$defs/urns" } },
        pendingReplacement: { type: "boolean" },
        additionalSecretOutputs: { type: "array", items: { type: "string" } },
        aliases: { $ref: "#/$defs/urns" },
        customTimeouts: { type: "object" },
      },
    },
  },
};
