module rlhf-audit-trail.dev/cluster/launcher

go 1.24.0
