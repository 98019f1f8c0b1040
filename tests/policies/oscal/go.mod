module rlhf-audit-trail.dev/oscal-check

go 1.24.0

require github.com/defenseunicorns/go-oscal v0.6.2

require (
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.1 // indirect
	golang.org/x/text v0.14.0 // indirect
	gopkg.in/yaml.v3 v3.0.1 // indirect
)
