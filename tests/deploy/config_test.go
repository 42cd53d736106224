package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// TestConfigurations has the program check what nodes are given. Paths of Windows become such as the program that runs here
// takes: the keys and their types are what is checked.
func TestConfigurations(t *testing.T) {
	object, err := decode(read(t, kubernetes, "install", "configmap.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	given := object.(*corev1.ConfigMap).Data["config.toml"]
	for name, text := range map[string]string{
		"the map":  given,
		"the file": read(t, "../../deploy/windows/config.toml"),
	} {
		if printed, err := checked(t, text); err != nil {
			t.Errorf("%s: %v: %s", name, err, printed)
		}
		if _, err := checked(t, strings.Replace(text, "address", "adress", 1)); err == nil {
			t.Errorf("%s: a key that does not exist is not found", name)
		}
	}
	for _, line := range strings.Split(given, "\n") {
		both := strings.Contains(read(t, "../../deploy/windows/config.toml"), line) || strings.HasPrefix(line, "format")
		if !both {
			t.Errorf("the map says %s, and the file does not", line)
		}
	}
}

func checked(t *testing.T, text string) (string, error) {
	t.Helper()
	paths := strings.NewReplacer(`C:\ProgramData`, "/var/lib", `\\.\pipe`, "/run", `\`, "/")
	file := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(file, []byte(paths.Replace(text)), 0o600); err != nil {
		t.Fatal(err)
	}
	printed, err := exec.Command(os.Getenv("CIMSNAP"), "config", "check", file).CombinedOutput()
	return string(printed), err
}
