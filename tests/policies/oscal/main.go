// Checks OSCAL documents against the schema of the OSCAL version that each names, by a validator that is not ours.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/defenseunicorns/go-oscal/src/pkg/validation"
)

// problem is one place where a document is not as its schema says.
type problem struct {
	File     string `json:"file"`
	Location string `json:"location"`
	Message  string `json:"message"`
}

// main prints the problems of the files that it is given, as a JSON list.
func main() {
	problems := []problem{}
	for _, file := range os.Args[1:] {
		found, err := check(file)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", file, err)
			os.Exit(1)
		}
		problems = append(problems, found...)
	}
	if err := json.NewEncoder(os.Stdout).Encode(problems); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func check(file string) ([]problem, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	validator, err := validation.NewValidator(content)
	if err != nil {
		return nil, err
	}
	if err := validator.Validate(); err == nil {
		return nil, nil
	}
	result, err := validator.GetValidationResult()
	if err != nil {
		return nil, err
	}
	problems := []problem{}
	for _, each := range result.Errors {
		problems = append(problems, problem{File: file, Location: each.InstanceLocation, Message: each.Error})
	}
	// A refusal without a place is one all the same.
	if len(problems) == 0 {
		problems = append(problems, problem{File: file, Message: "refused without a reason"})
	}
	return problems, nil
}
