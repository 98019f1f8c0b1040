/** The Canary that the tests of its parts build, under mocks. */
import { Canary, type CanaryArgs } from "../../components/index.ts";
import { underMocks } from "./mocks.ts";

export const args: CanaryArgs = {
  app: "audit",
  namespace: "staging",
  environment: "staging",
  secretName: "rlhf-secrets",
  image: `ghcr.io/terragonlabs/rlhf-audit-trail@sha256:${"a".repeat(64)}`,
  gateway: { name: "audit", namespace: "staging", sectionName: "https", hosts: ["audit.example.com"] },
  prometheus: "http://prometheus.monitoring:9090",
};

export const build = (more: Partial<CanaryArgs>, preview: boolean) => underMocks(() => new Canary("audit", { ...args, ...more }), { preview });
