//go:build e2e

package packages

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"sigs.k8s.io/yaml"
)

const composeDir = "../../deploy/compose"

func compose(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{composeDir + "/compose.yaml"}, cli.WithProfiles([]string{"*"}))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

var pinned = regexp.MustCompile(`^[a-z/-]+:v?\d+\.\d+\.\d+$`)

// TestCompose: compose understands the file; its images are pinned, nothing is
// open to other machines, what it mounts exists, and what runs is confined.
func TestCompose(t *testing.T) {
	project := compose(t)
	if len(project.Services) < 7 {
		t.Fatalf("%d services, want all", len(project.Services))
	}
	ours := 0
	for name, s := range project.Services {
		if !pinned.MatchString(s.Image) {
			t.Errorf("%s: image %s is not pinned", name, s.Image)
		}
		for _, p := range s.Ports {
			if p.HostIP != "127.0.0.1" {
				t.Errorf("%s: port %s is open to other machines", name, p.Published)
			}
		}
		for _, v := range s.Volumes {
			if _, err := os.Stat(v.Source); v.Type == "bind" && (err != nil || !v.ReadOnly) {
				t.Errorf("%s: %s does not exist, or can be written to", name, v.Source)
			}
		}
		for dependency := range s.DependsOn {
			if _, ok := project.Services[dependency]; !ok {
				t.Errorf("%s: waits for %s, which is not there", name, dependency)
			}
		}
		if !strings.HasPrefix(s.Image, "tracescrub/") {
			continue
		}
		ours++
		if !strings.HasSuffix(s.Image, ":"+version(t)) {
			t.Errorf("%s: image %s is of another version", name, s.Image)
		}
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") || s.Privileged || s.User != "" {
			t.Errorf("%s: is not confined", name)
		}
	}
	if ours != 4 {
		t.Errorf("%d services of ours, want 4", ours)
	}
}

// TestComposeKeys: the gateway can reach public keys only.
func TestComposeKeys(t *testing.T) {
	for _, v := range compose(t).Services["gateway"].Volumes {
		if v.Source == "gate" && (v.Volume == nil || v.Volume.Subpath != "keys/public" || !v.ReadOnly) {
			t.Error("the gateway reaches the gate's private keys")
		}
	}
}

// TestComposeConfigs: the binary takes every configuration; what they call is
// there, and Prometheus scrapes all of them under jobs that the alerts know.
func TestComposeConfigs(t *testing.T) {
	project := compose(t)
	var scraped []string
	var prometheus struct {
		RuleFiles     []string `json:"rule_files"`
		ScrapeConfigs []struct {
			Job     string                       `json:"job_name"`
			Configs []struct{ Targets []string } `json:"static_configs"`
		} `json:"scrape_configs"`
		Global map[string]string
	}
	if err := yaml.UnmarshalStrict(read(t, composeDir+"/prometheus.yaml"), &prometheus); err != nil {
		t.Fatal(err)
	}
	for _, s := range prometheus.ScrapeConfigs {
		if !strings.HasPrefix(s.Job, "tracescrub") {
			t.Errorf("job %s: the alerts do not know it", s.Job)
		}
		for _, c := range s.Configs {
			scraped = append(scraped, c.Targets...)
		}
	}
	called := regexp.MustCompile(`(?:endpoint: |brokers: \[")([a-z]+):(\d+)`)
	for _, name := range []string{"gateway", "gate", "audit"} {
		text := read(t, filepath.Join(composeDir, name+".yaml"))
		checkConfig(t, text)
		if !slices.Contains(scraped, name+":8888") {
			t.Errorf("%s is not scraped", name)
		}
		if !slices.Contains(project.Services[name].Command, "/etc/tracescrub/compose/"+name+".yaml") {
			t.Errorf("%s does not run on its configuration", name)
		}
		for _, m := range called.FindAllStringSubmatch(string(text), -1) {
			if _, ok := project.Services[m[1]]; !ok {
				t.Errorf("%s calls %s, which is not there", name, m[1])
			}
		}
	}
}
