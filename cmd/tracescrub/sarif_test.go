package main

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		for i, line := range strings.Split(strings.TrimSuffix(ts.ReadFile(name), "\n"), "\n") {
			if json.Valid([]byte(line)) == neg {
				ts.Fatalf("%s: line %d: valid JSON is %v", name, i+1, neg)
			}
		}
	}
}

// sarifLog is the part of SARIF that GitHub's code scanning requires.
type sarifLog struct {
	Schema  string `json:"$schema"`
	Version string `json:"version"`
	Runs    []struct {
		Tool struct {
			Driver struct {
				Name    string `json:"name"`
				Version string `json:"version"`
				Rules   []struct {
					ID      string                 `json:"id"`
					Short   struct{ Text string }  `json:"shortDescription"`
					Full    struct{ Text string }  `json:"fullDescription"`
					Help    struct{ Text string }  `json:"help"`
					HelpURI string                 `json:"helpUri"`
					Default struct{ Level string } `json:"defaultConfiguration"`
					Props   struct {
						Severity string   `json:"security-severity"`
						Tags     []string `json:"tags"`
					} `json:"properties"`
				} `json:"rules"`
			} `json:"driver"`
		} `json:"tool"`
		Results []struct {
			RuleID    string                `json:"ruleId"`
			RuleIndex int                   `json:"ruleIndex"`
			Level     string                `json:"level"`
			Message   struct{ Text string } `json:"message"`
			Locations []struct {
				Physical struct {
					Artifact struct {
						URI string `json:"uri"`
					} `json:"artifactLocation"`
					Region struct {
						StartLine, StartColumn, EndLine, EndColumn int
					} `json:"region"`
				} `json:"physicalLocation"`
			} `json:"locations"`
			Fingerprints map[string]string `json:"partialFingerprints"`
		} `json:"results"`
		Invocations []struct {
			Successful bool `json:"executionSuccessful"`
		} `json:"invocations"`
	} `json:"runs"`
}

var levels = regexp.MustCompile(`^(error|warning|note)$`)

func cmdSARIF(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sarif FILE N")
	}
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	must := func(ok bool, what string) {
		if !ok {
			ts.Fatalf("%s: %s", args[0], what)
		}
	}
	var log sarifLog
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &log))
	must(log.Version == "2.1.0" && strings.Contains(log.Schema, "sarif-2.1.0"), "not version 2.1.0")
	must(len(log.Runs) == 1 && len(log.Runs[0].Invocations) == 1, "not one run")
	run := log.Runs[0]
	must(run.Tool.Driver.Name == "tracescrub" && run.Tool.Driver.Version != "", "no driver")
	must(len(run.Tool.Driver.Rules) > 0, "no rules")
	for _, r := range run.Tool.Driver.Rules {
		must(r.ID != "" && r.Short.Text != "" && r.Full.Text != "" && r.Help.Text != "", "a rule without texts: "+r.ID)
		must(levels.MatchString(r.Default.Level), "a rule without level: "+r.ID)
		score, err := strconv.ParseFloat(r.Props.Severity, 64)
		must(err == nil && score > 0 && score <= 10, "a rule without security-severity: "+r.ID)
		must(len(r.Props.Tags) > 0 && r.Props.Tags[0] == "security", "a rule without tag: "+r.ID)
	}
	must(len(run.Results) == want, strconv.Itoa(len(run.Results))+" results")
	seen := map[string]bool{}
	for _, r := range run.Results {
		must(r.RuleIndex >= 0 && r.RuleIndex < len(run.Tool.Driver.Rules), "a rule index that is out of range")
		must(run.Tool.Driver.Rules[r.RuleIndex].ID == r.RuleID, "a rule index of another rule")
		must(levels.MatchString(r.Level) && r.Message.Text != "" && len(r.Locations) == 1, "an incomplete result")
		at := r.Locations[0].Physical
		u, err := url.Parse(at.Artifact.URI)
		must(err == nil && !u.IsAbs() && !strings.HasPrefix(u.Path, "/") && !strings.Contains(at.Artifact.URI, `\`), "no relative URI")
		must(at.Region.StartLine > 0 && at.Region.StartColumn > 0, "no start")
		must(at.Region.EndLine > at.Region.StartLine || at.Region.EndColumn > at.Region.StartColumn, "no end behind the start")
		print := r.Fingerprints["primaryLocationLineHash"]
		must(print != "", "no fingerprint")
		must(!seen[print+at.Artifact.URI], "two results with one fingerprint")
		seen[print+at.Artifact.URI] = true
	}
}
