/** Volumes: their class, who may write them, and how they are kept. */
import { z } from "zod";
import { each, resourceRule } from "../rule.ts";
import { get, list, text, texts, type Obj } from "../value.ts";
import { manifest } from "./examples.ts";

const storage = (spec: Obj) => manifest("v1", "PersistentVolumeClaim", { spec: { storageClassName: "encrypted", accessModes: ["ReadWriteOncePod"], ...spec } });
const storageClass = (patch: Obj) => manifest("storage.k8s.io/v1", "StorageClass", { provisioner: "ebs.csi.aws.com", reclaimPolicy: "Delete", parameters: { encrypted: "true" }, ...patch });
const CLAIMS = ["PersistentVolumeClaim", "StatefulSet"];

function claims(kind: string, data: unknown): { path: string; spec: unknown }[] {
  if (kind === "PersistentVolumeClaim") return [{ path: "spec", spec: get(data, "spec") }];
  return list(data, "spec", "volumeClaimTemplates").map((template, index) => ({ path: `spec.volumeClaimTemplates[${index}].spec`, spec: get(template, "spec") }));
}

export const storageClassAllowed = resourceRule({
  id: "storage-class-allowed", title: "Every volume claim names its storage class, an allowed one.", severity: "low", kinds: [...CLAIMS, "StorageClass"],
  why: "The class decides about encryption, replication and what remains after deletion.", fix: "Set storageClassName.",
  parameters: z.strictObject({ allowed: z.array(z.string()).default([]).describe("classes that may be used; an empty list allows all"), reclaimPolicies: z.array(z.enum(["Delete", "Retain", "Recycle"])).default([]).describe("reclaim policies that a StorageClass may have; an empty list allows all") }),
  examples: { parameters: { allowed: ["encrypted"], reclaimPolicies: ["Delete"] }, pass: [storage({}), storageClass({}), storageClass({ reclaimPolicy: undefined })], fail: [storage({ storageClassName: undefined }), storage({ storageClassName: "other" }), storageClass({ reclaimPolicy: "Retain" })] },
  check: ({ kind, data }, { allowed, reclaimPolicies }) => {
    if (kind === "StorageClass") {
      // The API server's default.
      const policy = text(data, "reclaimPolicy") ?? "Delete";
      return reclaimPolicies.length === 0 || reclaimPolicies.some((candidate) => candidate === policy) ? [] : [{ path: "reclaimPolicy", message: `what is released is ${policy === "Delete" ? "deleted" : "kept"}` }];
    }
    return each(claims(kind, data), ({ path, spec }) => {
      const name = text(spec, "storageClassName") ?? "";
      if (name !== "" && (allowed.length === 0 || allowed.includes(name))) return undefined;
      return { path: `${path}.storageClassName`, message: name === "" ? "no storage class is named" : `storage class ${name} is not allowed` };
    });
  },
});

export const volumeSinglePod = resourceRule({
  id: "volume-single-pod", title: "A claim that one pod writes says so.", severity: "low", kinds: CLAIMS,
  why: "ReadWriteOnce lets every pod of a node write, and two databases on one volume destroy it.", fix: "Use the access mode ReadWriteOncePod.",
  examples: { pass: [storage({}), storage({ accessModes: ["ReadOnlyMany"] })], fail: [storage({ accessModes: ["ReadWriteOnce"] })] },
  check: ({ kind, data }) => each(claims(kind, data), ({ path, spec }) => (texts(spec, "accessModes").includes("ReadWriteOnce") ? { path: `${path}.accessModes`, message: "every pod of the node may write" } : undefined)),
});

export const storageEncrypted = resourceRule({
  id: "storage-encrypted", title: "Cloud disks are encrypted.", severity: "medium", kinds: ["StorageClass"],
  why: "A snapshot or a disk that is thrown away can be read by others.", fix: 'Set parameters.encrypted: "true".',
  parameters: z.strictObject({ provisioners: z.array(z.string()).default(["ebs.csi.aws.com", "kubernetes.io/aws-ebs", "efs.csi.aws.com"]).describe("provisioners whose default is not encrypted") }),
  examples: { pass: [storageClass({}), storageClass({ provisioner: "pd.csi.storage.gke.io", parameters: {} })], fail: [storageClass({ parameters: {} })] },
  check: ({ data }, { provisioners }) => (provisioners.includes(text(data, "provisioner") ?? "") && text(data, "parameters", "encrypted") !== "true" ? [{ path: "parameters.encrypted", message: "its disks are not encrypted" }] : []),
});
