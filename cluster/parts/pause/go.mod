module rlhf-audit-trail.dev/cluster/parts/pause

go 1.24.0
