module rlhf-audit-trail.dev/cluster/parts/gateway-api

go 1.26.4

require sigs.k8s.io/gateway-api v1.4.0
