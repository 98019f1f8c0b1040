module rlhf-audit-trail.dev/tests/probe

go 1.24.0
