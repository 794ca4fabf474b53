//go:build e2e

package packages

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// image is what the Dockerfile makes, without docker.
type image struct {
	root                   string // its files
	user                   string
	entrypoint, cmd, probe []string
	env                    map[string]string
	volumes, ports         []string
	owners                 map[string]string // of directories
}

// stage parses the Dockerfile, which has one stage and no commands to run.
func stage(text []byte) ([]instructions.Command, error) {
	result, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	stages, _, err := instructions.Parse(result.AST, nil)
	if err != nil {
		return nil, err
	}
	if len(stages) != 1 || stages[0].BaseName != "scratch" {
		return nil, fmt.Errorf("it is not one stage from scratch")
	}
	return stages[0].Commands, nil
}

// assemble does what the Dockerfile says, with dist as its context.
func assemble(t *testing.T, text []byte, dist string) (*image, error) {
	t.Helper()
	commands, err := stage(text)
	if err != nil {
		return nil, err
	}
	img := &image{root: t.TempDir(), env: map[string]string{}, owners: map[string]string{}}
	if err := os.Chmod(img.root, 0o755); err != nil {
		return nil, err
	}
	for _, command := range commands {
		switch c := command.(type) {
		case *instructions.ArgCommand:
		case *instructions.CopyCommand:
			err = img.copy(t, c, dist)
		case *instructions.EnvCommand:
			for _, pair := range c.Env {
				img.env[pair.Key] = pair.Value
			}
		case *instructions.VolumeCommand:
			img.volumes = c.Volumes
		case *instructions.ExposeCommand:
			img.ports = c.Ports
		case *instructions.UserCommand:
			img.user = c.User
		case *instructions.HealthCheckCommand:
			img.probe = c.Health.Test
		case *instructions.EntrypointCommand:
			img.entrypoint = c.CmdLine
			err = noShell(c.PrependShell)
		case *instructions.CmdCommand:
			img.cmd = c.CmdLine
			err = noShell(c.PrependShell)
		default:
			err = fmt.Errorf("%s has no place in it", reflect.TypeOf(c).Elem().Name())
		}
		if err != nil {
			return nil, err
		}
	}
	return img, nil
}

func noShell(shell bool) error {
	if shell {
		return fmt.Errorf("it wants a shell, and there is none: write a list")
	}
	return nil
}

func (img *image) copy(t *testing.T, c *instructions.CopyCommand, dist string) error {
	t.Helper()
	mode, err := strconv.ParseUint(c.Chmod, 8, 12)
	if err != nil {
		return fmt.Errorf("COPY without --chmod takes the modes of whoever builds: %w", err)
	}
	for _, source := range c.SourcePaths {
		from := filepath.Join(dist, strings.ReplaceAll(source, "${TARGETARCH}", runtime.GOARCH))
		info, err := os.Stat(from)
		if err != nil {
			return err
		}
		target := filepath.Join(img.root, c.DestPath)
		if !info.IsDir() {
			if strings.HasSuffix(c.DestPath, "/") {
				target = filepath.Join(target, filepath.Base(from))
			}
			write(t, target, read(t, from), os.FileMode(mode))
			if err := os.Chmod(target, os.FileMode(mode)); err != nil {
				return err
			}
			continue
		}
		entries, err := os.ReadDir(from)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(target, 0o755); err != nil {
			return err
		}
		for _, e := range entries {
			entry := filepath.Join(target, e.Name())
			if !e.IsDir() {
				write(t, entry, read(t, filepath.Join(from, e.Name())), os.FileMode(mode))
				continue
			}
			if err := os.Mkdir(entry, os.FileMode(mode)); err != nil { // of the volume: empty
				return err
			}
			img.owners[filepath.Join(c.DestPath, e.Name())] = c.Chown
		}
	}
	return nil
}

func dockerfile(t *testing.T) []byte {
	t.Helper()
	return read(t, "../../deploy/container/Dockerfile")
}

// TestImage: what is in the image, who it runs as, and how it is asked whether it is healthy.
func TestImage(t *testing.T) {
	img, err := assemble(t, dockerfile(t), released(t, 0))
	if err != nil {
		t.Fatal(err)
	}
	if img.user != "10001:10001" {
		t.Errorf("it runs as %q, want a number: Kubernetes cannot tell whether a name is root", img.user)
	}
	binaries := []string{"/usr/bin/otelcol-tracescrub", "/usr/bin/tracescrub"}
	if !slices.Equal(img.entrypoint, binaries[:1]) || !slices.Equal(img.probe, []string{"CMD", binaries[1], "healthy"}) {
		t.Errorf("it starts %v and is asked by %v", img.entrypoint, img.probe)
	}
	if data := img.env["TRACESCRUB_DATA"]; !slices.Equal(img.volumes, []string{data}) || img.owners[data] != img.user {
		t.Errorf("its data is in %s, its volumes are %v", data, img.volumes)
	}
	for _, name := range img.cmd[1:] {
		if _, err := os.Stat(filepath.Join(img.root, name)); err != nil {
			t.Errorf("its command names %s, which is not in it", name)
		}
	}
	executables := 0
	for name := range sums(t, img.root) {
		info, err := os.Stat(filepath.Join(img.root, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o111 != 0 {
			executables++
			if !slices.Contains(binaries, "/"+name) {
				t.Errorf("%s can be run", name)
			}
		}
		if info.Mode().Perm()&0o222 != 0 && !strings.HasPrefix("/"+name, img.volumes[0]) {
			t.Errorf("%s can be written to", name)
		}
	}
	if executables != 2 {
		t.Errorf("%d programs, want two and no shell", executables)
	}
}

// TestImageRuns: it runs as its user, on a root that cannot be written to, and
// says that it is healthy by the same program that the health check runs.
func TestImageRuns(t *testing.T) {
	unshare := need(t, "unshare")
	if os.Geteuid() != 0 {
		t.Fatal("this test mounts: run it as root")
	}
	img, err := assemble(t, dockerfile(t), released(t, 0))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"proc"} { // docker makes it
		if err := os.Mkdir(filepath.Join(img.root, dir), 0o555); err != nil {
			t.Fatal(err)
		}
	}
	health := freePort(t)
	over := fmt.Sprintf("yaml:{receivers: {otlp: {protocols: {grpc: {endpoint: '127.0.0.1:%s'}, http: {endpoint: '127.0.0.1:%s'}}}, "+
		"release_gate: {http: {endpoint: '127.0.0.1:%s'}}}, extensions: {health_check: {endpoint: '127.0.0.1:%s'}}, "+
		"service: {telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: %s}}}}]}}}}",
		freePort(t), freePort(t), freePort(t), health, freePort(t))
	cmd := exec.CommandContext(t.Context(), unshare, "--mount", "sh", "-ec", `
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount -t tmpfs -o mode=0700,uid=10001,gid=10001 tmpfs "$1$2"
mount -o remount,bind,ro "$1"
if touch "$1/file" 2>/dev/null; then echo "the root can be written to"; exit 1; fi
in="chroot --userspec=$3 --groups= $1"
$in /usr/bin/tracescrub setup "$2"
shift 3
exec $in "$@"
`, "sh", img.root, img.volumes[0], img.user, img.entrypoint[0], "--config", "/etc/tracescrub/embedded.yaml", "--config", over)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TRACESCRUB_DATA=" + img.volumes[0]}
	running(t, cmd, health)
	status := string(read(t, fmt.Sprintf("/proc/%d/status", cmd.Process.Pid)))
	for _, want := range []string{"Uid:\t10001\t10001\t10001\t10001", "Gid:\t10001\t10001\t10001\t10001", "CapEff:\t0000000000000000"} {
		if !strings.Contains(status, want) {
			t.Errorf("it does not run with %q", want)
		}
	}
}

// TestImagePlanted: what an image must not be is seen.
func TestImagePlanted(t *testing.T) {
	good := string(dockerfile(t))
	for _, tt := range []struct{ name, from, to, want string }{
		{"a base", "FROM scratch", "FROM debian:13", "from scratch"},
		{"a command to run", "USER 10001", "RUN true\nUSER 10001", "RunCommand"},
		{"a shell form", `CMD ["--config", "/etc/tracescrub/forward.yaml"]`, "CMD tracescrub version", "shell"},
		{"modes of the builder", "COPY --chmod=0555", "COPY", "--chmod"},
		{"a file that is not there", "image/passwd", "image/password", "password"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bad := strings.Replace(good, tt.from, tt.to, 1)
			if _, err := assemble(t, []byte(bad), released(t, 0)); bad == good || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("said %v, want %s", err, tt.want)
			}
		})
	}
}
