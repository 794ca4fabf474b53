//go:build e2e

package packages

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

const chartDir = "../../deploy/helm/tracescrub"

// chartValues are the least that must be set, with changes over them.
func chartValues(t *testing.T, changes string) map[string]any {
	t.Helper()
	base, over := map[string]any{}, map[string]any{}
	if err := yaml.Unmarshal(read(t, chartDir+"/ci/example-values.yaml"), &base); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal([]byte(changes), &over); err != nil {
		t.Fatal(err)
	}
	return loader.MergeMaps(base, over)
}

// rendered is what the chart makes, by kind and name.
func rendered(t *testing.T, changes string) (map[string][]byte, error) {
	t.Helper()
	chart, err := loader.Load(chartDir)
	if err != nil {
		t.Fatal(err)
	}
	release := common.ReleaseOptions{Name: "acme", Namespace: "telemetry", IsInstall: true}
	values, err := util.ToRenderValues(chart, chartValues(t, changes), release, nil)
	if err != nil {
		return nil, err
	}
	files, err := engine.Render(chart, values)
	if err != nil {
		return nil, err
	}
	objects := map[string][]byte{}
	for name, text := range files {
		if strings.HasSuffix(name, "NOTES.txt") {
			continue
		}
		for doc := range strings.SplitSeq(text, "\n---\n") {
			doc = strings.TrimPrefix(strings.TrimSpace(doc), "---\n")
			if doc == "" {
				continue
			}
			var head struct {
				Kind     string
				Metadata struct{ Name string }
			}
			if err := yaml.Unmarshal([]byte(doc), &head); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			objects[head.Kind+"/"+head.Metadata.Name] = []byte(doc)
		}
	}
	return objects, nil
}

// strict decodes an object as Kubernetes does: a key that it does not know, in
// just these letters, is a mistake.
func strict[T any](text []byte) (v T, err error) {
	asJSON, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return v, err
	}
	unknown, err := json.UnmarshalStrict(asJSON, &v)
	return v, errors.Join(append(unknown, err)...)
}

// must is strict for what the chart makes.
func must[T any](t *testing.T, name string, text []byte) T {
	t.Helper()
	v, err := strict[T](text)
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
	return v
}

var chartVariants = []struct {
	name, changes string
	want          []string // kind/name of everything
}{
	{"as it is", "", []string{
		"ConfigMap/acme-tracescrub-edge", "ConfigMap/acme-tracescrub-gate", "DaemonSet/acme-tracescrub-edge",
		"NetworkPolicy/acme-tracescrub-edge", "NetworkPolicy/acme-tracescrub-gate", "PodDisruptionBudget/acme-tracescrub-gate",
		"Service/acme-tracescrub-edge", "Service/acme-tracescrub-gate", "StatefulSet/acme-tracescrub-gate",
	}},
	{"a Deployment without gates", "{edge: {kind: Deployment}, gate: {enabled: false}}", []string{
		"ConfigMap/acme-tracescrub-edge", "Deployment/acme-tracescrub-edge", "NetworkPolicy/acme-tracescrub-edge",
		"PodDisruptionBudget/acme-tracescrub-edge", "Service/acme-tracescrub-edge",
	}},
	{
		"everything set", `
image: {digest: "sha256:` + strings.Repeat("0", 64) + `"}
imagePullSecrets: [{name: pull}]
audit: {receipts: ""}
edge:
  hostPath: /var/lib/tracescrub
  secretMask: {annotate: full, policy: [{severity: high, action: hold}], limits: {max_depth: 32}}
  allowFrom: [{namespaceSelector: {matchLabels: {team: a}}}]
gate: {allowFrom: [{podSelector: {matchLabels: {app: ingress}}}], storage: {className: fast}}
networkPolicy: {scrapeFrom: [{namespaceSelector: {matchLabels: {name: monitoring}}}]}
nodeSelector: {kubernetes.io/os: linux}
tolerations: [{operator: Exists}]
`,
		[]string{
			"ConfigMap/acme-tracescrub-edge", "ConfigMap/acme-tracescrub-gate", "DaemonSet/acme-tracescrub-edge",
			"NetworkPolicy/acme-tracescrub-edge", "NetworkPolicy/acme-tracescrub-gate", "PodDisruptionBudget/acme-tracescrub-gate",
			"Service/acme-tracescrub-edge", "Service/acme-tracescrub-gate", "StatefulSet/acme-tracescrub-gate",
		},
	},
}

// TestChart: what Helm's linter says of the chart, and what the chart makes:
// objects that Kubernetes knows, pods that Pod Security calls restricted,
// configurations that the binary takes.
func TestChart(t *testing.T) {
	for _, tt := range chartVariants {
		t.Run(tt.name, func(t *testing.T) {
			for _, m := range lint.RunAll(chartDir, chartValues(t, tt.changes), "telemetry").Messages {
				if m.Severity >= support.WarningSev {
					t.Errorf("helm lint: %s: %v", m.Path, m.Err)
				}
			}
			objects, err := rendered(t, tt.changes)
			if err != nil {
				t.Fatal(err)
			}
			if got := slices.Sorted(maps.Keys(objects)); !slices.Equal(got, tt.want) {
				t.Errorf("made %v, want %v", got, tt.want)
			}
			pods := map[string]corev1.PodTemplateSpec{} // by part
			var selectors []map[string]string
			for name, text := range objects {
				selectors = append(selectors, checkObject(t, name, text, pods)...)
			}
			for _, selector := range selectors {
				if !slices.ContainsFunc(slices.Collect(maps.Values(pods)), func(p corev1.PodTemplateSpec) bool { return matches(selector, p.Labels) }) {
					t.Errorf("%v selects no pod of ours", selector)
				}
			}
			for part, pod := range pods {
				config := objects["ConfigMap/acme-tracescrub-"+part]
				checkPod(t, part, pod.Spec, string(config))
			}
		})
	}
}

func matches(selector, labels map[string]string) bool {
	for k, v := range selector {
		if labels[k] != v {
			return false
		}
	}
	return len(selector) > 0
}

// checkObject decodes one object, keeps its pods, and returns what it selects.
func checkObject(t *testing.T, name string, text []byte, pods map[string]corev1.PodTemplateSpec) []map[string]string {
	t.Helper()
	kind, _, _ := strings.Cut(name, "/")
	part := name[strings.LastIndex(name, "-")+1:]
	switch kind {
	case "DaemonSet":
		o := must[appsv1.DaemonSet](t, name, text)
		pods[part] = o.Spec.Template
		return []map[string]string{o.Spec.Selector.MatchLabels}
	case "Deployment":
		o := must[appsv1.Deployment](t, name, text)
		pods[part] = o.Spec.Template
		return []map[string]string{o.Spec.Selector.MatchLabels}
	case "StatefulSet":
		o := must[appsv1.StatefulSet](t, name, text)
		for _, claim := range o.Spec.VolumeClaimTemplates {
			o.Spec.Template.Spec.Volumes = append(o.Spec.Template.Spec.Volumes, corev1.Volume{Name: claim.Name})
		}
		pods[part] = o.Spec.Template
		return []map[string]string{o.Spec.Selector.MatchLabels}
	case "Service":
		return []map[string]string{must[corev1.Service](t, name, text).Spec.Selector}
	case "PodDisruptionBudget":
		return []map[string]string{must[policyv1.PodDisruptionBudget](t, name, text).Spec.Selector.MatchLabels}
	case "NetworkPolicy":
		return []map[string]string{must[networkingv1.NetworkPolicy](t, name, text).Spec.PodSelector.MatchLabels}
	case "ConfigMap":
		o := must[corev1.ConfigMap](t, name, text)
		checkConfig(t, []byte(o.Data["config.yaml"]), "POD_IP=10.1.2.3", "KAFKA_USER=edge", "KAFKA_PASSWORD=none", "TRACESCRUB_DATA=/var/lib/tracescrub")
	default:
		t.Errorf("%s: an object of a kind that nobody expects: secrets, above all, are never made here", name)
	}
	return nil
}

var usedPath = regexp.MustCompile(`(/etc/tracescrub|/var/lib/tracescrub)(/[\w.-]+)*`)

// checkPod wants a pod that Pod Security calls restricted, that is probed, gets
// secrets by reference only, and has a volume under every path that it uses.
func checkPod(t *testing.T, part string, pod corev1.PodSpec, config string) {
	t.Helper()
	wrong := func(format string, args ...any) { t.Errorf(part+": "+format, args...) }
	is := func(b *bool, want bool) bool { return b != nil && *b == want }
	s := pod.SecurityContext
	if s == nil || !is(s.RunAsNonRoot, true) || s.RunAsUser == nil || *s.RunAsUser == 0 || s.FSGroup == nil ||
		s.SeccompProfile == nil || s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		wrong("the pod's security context is not what restricted wants")
	}
	if !is(pod.AutomountServiceAccountToken, false) || pod.HostNetwork || pod.HostPID || pod.HostIPC {
		wrong("it gets what it does not need of the cluster or the node")
	}
	volumes := map[string]bool{}
	for _, v := range pod.Volumes {
		volumes[v.Name] = true
		if v.Secret != nil && (v.Secret.DefaultMode == nil || *v.Secret.DefaultMode != 0o440) {
			wrong("secret %s: anybody in the container could read it", v.Name)
		}
	}
	for i, c := range append(slices.Clone(pod.InitContainers), pod.Containers...) {
		cs := c.SecurityContext
		if cs == nil || !is(cs.AllowPrivilegeEscalation, false) || !is(cs.ReadOnlyRootFilesystem, true) || cs.Capabilities == nil ||
			!slices.Equal(cs.Capabilities.Drop, []corev1.Capability{"ALL"}) || len(cs.Capabilities.Add) > 0 || is(cs.Privileged, true) {
			wrong("%s: its security context is not what restricted wants", c.Name)
		}
		if c.Resources.Limits.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero() {
			wrong("%s: no limit of memory, or no request", c.Name)
		}
		mounts := []string{}
		for _, m := range c.VolumeMounts {
			mounts = append(mounts, m.MountPath)
			if !volumes[m.Name] {
				wrong("%s: there is no volume %s", c.Name, m.Name)
			}
			if m.Name != "data" && !m.ReadOnly {
				wrong("%s: %s can be written to", c.Name, m.Name)
			}
		}
		for _, e := range c.Env {
			if strings.Contains(e.Name, "PASSWORD") && (e.ValueFrom == nil || e.ValueFrom.SecretKeyRef == nil) {
				wrong("%s: %s is no reference to a secret", c.Name, e.Name)
			}
		}
		used := strings.Join(append(slices.Clone(c.Command), c.Args...), " ")
		if i >= len(pod.InitContainers) {
			used += "\n" + config
			if c.LivenessProbe == nil || c.ReadinessProbe == nil || c.StartupProbe == nil {
				wrong("%s: is not probed", c.Name)
			}
		}
		for _, path := range usedPath.FindAllString(used, -1) {
			if !slices.ContainsFunc(mounts, func(m string) bool { return path == m || strings.HasPrefix(path, m+"/") }) {
				wrong("%s: uses %s, where nothing is mounted", c.Name, path)
			}
		}
	}
}

// TestChartMistakes: values that would make something that does not work are refused.
func TestChartMistakes(t *testing.T) {
	for _, tt := range []struct{ name, changes, want string }{
		{"unknown key", "{edge: {knid: Deployment}}", "knid"},
		{"a kind that it does not know", "{edge: {kind: StatefulSet}}", "kind"},
		{"no backend", `{backend: {endpoint: ""}}`, "endpoint"},
		{"no brokers", "{kafka: {brokers: []}}", "brokers"},
		{"an issuer without TLS", `{oidc: {issuer: "http://login.example.org"}}`, "issuer"},
		{"no page", `{gate: {page: ""}}`, "page"},
		{"a key pair of another place", "{edge: {secretMask: {seal: {public_keys: /elsewhere}}}}", "secretMask"},
		{"nobody may do anything", "{gate: {permissions: []}}", "permissions"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := rendered(t, tt.changes); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("said %v, want a word about %s", err, tt.want)
			}
		})
	}
}

// TestStrict: the decoder sees what Kubernetes would refuse or leave out.
func TestStrict(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"all is well", "kind: Service\nspec: {selector: {a: b}}", ""},
		{"unknown key", "kind: Service\nspec: {selectr: {a: b}}", "selectr"},
		{"other letters", "kind: Service\nspec: {clusterip: None}", "clusterip"},
		{"another type", "kind: Service\nspec: {ports: 80}", "ports"},
		{"a key twice", "kind: Service\nkind: Service", "kind"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := strict[corev1.Service]([]byte(tt.text)); (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("said %v, want %s", err, tt.want)
			}
		})
	}
}
