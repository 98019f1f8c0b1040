/** The Engine service: log messages and the root resource. */
import engineGrpc from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import enginePb from "@pulumi/pulumi/proto/engine_pb.js";
import type { ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";
import emptyPb from "google-protobuf/google/protobuf/empty_pb.js";
import type { Diagnostic } from "./model.ts";
import { unary, unsupported } from "./rpc.ts";

const SEVERITIES = ["debug", "info", "warning", "error"] as const;

/** The service, giving every logged message to `diagnose`. */
export function engineService(diagnose: (diagnostic: Diagnostic) => void): [ServiceDefinition, UntypedServiceImplementation] {
  let rootUrn = "";
  return [
    engineGrpc.EngineService,
    {
      log: unary((request: enginePb.LogRequest) => {
        diagnose({
          severity: SEVERITIES[request.getSeverity()],
          message: request.getMessage(),
          ...(request.getUrn() === "" ? {} : { urn: request.getUrn() }),
          ...(request.getStreamid() === 0 ? {} : { streamId: request.getStreamid() }),
          ...(request.getEphemeral() ? { ephemeral: true } : {}),
        });
        return Promise.resolve(new emptyPb.Empty());
      }),
      getRootResource: unary(() => {
        const response = new enginePb.GetRootResourceResponse();
        response.setUrn(rootUrn);
        return Promise.resolve(response);
      }),
      setRootResource: unary((request: enginePb.SetRootResourceRequest) => {
        rootUrn = request.getUrn();
        return Promise.resolve(new enginePb.SetRootResourceResponse());
      }),
      startDebugging: unary(() => Promise.reject(unsupported("starting a debugger"))),
      requirePulumiVersion: unary((request: enginePb.RequirePulumiVersionRequest) =>
        Promise.reject(unsupported(`requirePulumiVersion ("${request.getPulumiVersionRange()}")`)),
      ),
    },
  ];
}
