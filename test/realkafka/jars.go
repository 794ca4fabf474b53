//go:build e2e

package realkafka

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
)

// The lines of Apache Kafka that are tested; pom.xml has their versions.
const (
	Current  = "4"
	Previous = "3.9"
)

// Missing names the first tool that a real Kafka needs and this machine lacks; empty: none.
func Missing() string {
	for _, tool := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(tool); err != nil {
			return tool
		}
	}
	return ""
}

// root is the directory of the repository.
func root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "../..")
}

// jars returns the directory with the jars of a line, which Maven fetches the
// first time. Another pom.xml is another directory.
func jars(line string) (string, error) {
	pom := filepath.Join(root(), "test/realkafka/pom.xml")
	text, err := os.ReadFile(pom)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	all := filepath.Join(root(), "bin/kafka")
	dir := filepath.Join(all, line+"-"+hex.EncodeToString(sum[:6]))
	if err := os.MkdirAll(all, 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(all, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return dir, err
	}
	fresh := dir + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return "", err
	}
	// Strict checksums; two of them at once would disturb each other.
	cmd := exec.Command("mvn", "-q", "-B", "-C", "-f", pom, "-P", line, "dependency:copy-dependencies",
		"-DincludeScope=runtime", "-DoutputDirectory="+fresh)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("fetching the jars of Kafka %s: %w\n%s", line, err, out)
	}
	return dir, os.Rename(fresh, dir)
}
