package deploy

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"sigs.k8s.io/yaml"
)

const kubernetes = "../../deploy/kubernetes"

// decode reads a manifest as what it says it is. Fields that its type does not have are errors.
func decode(manifest string) (runtime.Object, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{appsv1.AddToScheme, corev1.AddToScheme, nodev1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	options := json.SerializerOptions{Yaml: true, Strict: true}
	object, _, err := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, options).
		Decode([]byte(manifest), nil, nil)
	return object, err
}

// check finds what Kubernetes or Windows would refuse, or what would go wrong on a node.
func check(manifest string) error {
	object, err := decode(manifest)
	if err != nil {
		return err
	}
	switch object := object.(type) {
	case *appsv1.DaemonSet:
		return checkDaemonSet(object)
	case *nodev1.RuntimeClass:
		return checkRuntimeClass(object)
	case *corev1.Namespace:
		return want(object.Labels["pod-security.kubernetes.io/enforce"] == "privileged", "HostProcess is not admitted")
	}
	return nil
}

func want(holds bool, otherwise string) error {
	if holds {
		return nil
	}
	return errors.New(otherwise)
}

func checkDaemonSet(set *appsv1.DaemonSet) error {
	pod := set.Spec.Template
	faults := []error{checkHostProcess(&pod.Spec), checkPlace(&pod.Spec)}
	for key, value := range set.Spec.Selector.MatchLabels {
		faults = append(faults, want(pod.Labels[key] == value, "the selector does not match the pods"))
	}
	if update := set.Spec.UpdateStrategy.RollingUpdate; update != nil {
		faults = append(faults, want(update.MaxUnavailable.IntValue() == 1, "several nodes are taken at once"))
	}
	for _, container := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		faults = append(faults, checkContainer(&container, pod.Spec.Volumes))
	}
	return errors.Join(faults...)
}

func checkHostProcess(pod *corev1.PodSpec) error {
	faults := []error{want(pod.HostNetwork, "HostProcess pods need hostNetwork")}
	if pod.SecurityContext == nil || pod.SecurityContext.WindowsOptions == nil {
		return errors.Join(append(faults, errors.New("there are no windowsOptions"))...)
	}
	windows := pod.SecurityContext.WindowsOptions
	return errors.Join(append(faults,
		want(windows.HostProcess != nil && *windows.HostProcess, "hostProcess is not set"),
		want(windows.RunAsUserName != nil && *windows.RunAsUserName == `NT AUTHORITY\SYSTEM`, "not run as SYSTEM"),
		want(pod.AutomountServiceAccountToken != nil && !*pod.AutomountServiceAccountToken, "a token is mounted"),
	)...)
}

func checkPlace(pod *corev1.PodSpec) error {
	return errors.Join(
		want(pod.NodeSelector["kubernetes.io/os"] == "windows", "nodes of other systems are chosen"),
		want(len(pod.NodeSelector) > 1, "all nodes with Windows are chosen"),
	)
}

func checkContainer(container *corev1.Container, volumes []corev1.Volume) error {
	var faults []error
	for _, mount := range container.VolumeMounts {
		there := slices.ContainsFunc(volumes, func(volume corev1.Volume) bool { return volume.Name == mount.Name })
		faults = append(faults, want(there, "no volume "+mount.Name))
	}
	arguments := strings.Join(container.Args, " ")
	if _, passed, found := strings.Cut(arguments, "install.ps1)"); found {
		for _, match := range regexp.MustCompile(`\s-(\w+)`).FindAllStringSubmatch(passed, -1) {
			faults = append(faults, want(slices.Contains(parameters(), match[1]), "install.ps1 has no -"+match[1]))
		}
	}
	return errors.Join(faults...)
}

// parameters lists those of the script that installs.
func parameters() []string {
	script, err := os.ReadFile("../../deploy/windows/install.ps1")
	if err != nil {
		panic(err)
	}
	var names []string
	for _, match := range regexp.MustCompile(`(?m)^\.PARAMETER (\w+)`).FindAllStringSubmatch(string(script), -1) {
		names = append(names, match[1])
	}
	return names
}

func checkRuntimeClass(class *nodev1.RuntimeClass) error {
	return errors.Join(
		want(class.Handler == "cimsnap", "the installer names another handler"),
		want(class.Scheduling != nil && class.Scheduling.NodeSelector["kubernetes.io/os"] == "windows", "any node is chosen"),
	)
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// kustomization is what is used of kustomizations.
type kustomization struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Namespace  string   `json:"namespace"`
	Resources  []string `json:"resources"`
	Images     []struct {
		Name    string `json:"name"`
		NewName string `json:"newName"`
		NewTag  string `json:"newTag"`
	} `json:"images"`
}

// TestManifests checks each manifest, and that each is in its kustomization.
func TestManifests(t *testing.T) {
	for _, directory := range []string{"install", "uninstall"} {
		var all kustomization
		if err := yaml.UnmarshalStrict([]byte(read(t, kubernetes, directory, "kustomization.yaml")), &all); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(kubernetes, directory, "*.yaml"))
		if err != nil || len(files) != len(all.Resources)+1 {
			t.Errorf("%s: %v are not %v: %v", directory, files, all.Resources, err)
		}
		for _, file := range all.Resources {
			manifest := read(t, kubernetes, directory, file)
			if err := check(manifest); err != nil {
				t.Errorf("%s/%s: %v", directory, file, err)
			}
			for _, match := range regexp.MustCompile(`(?m)^\s+image: (\S+)$`).FindAllStringSubmatch(manifest, -1) {
				if len(all.Images) != 1 || all.Images[0].Name != match[1] {
					t.Errorf("%s: image %s is not in the kustomization", directory, match[1])
				}
			}
		}
	}
}

// TestFaultsOfManifests changes one thing at a time of what is sound.
func TestFaultsOfManifests(t *testing.T) {
	for i, fault := range []struct{ file, from, to string }{
		{"daemonset.yaml", "hostNetwork: true", ""},
		{"daemonset.yaml", "hostNetwork", "hostnetwork"},
		{"daemonset.yaml", "hostProcess: true", "hostProcess: false"},
		{"daemonset.yaml", "NT AUTHORITY\\SYSTEM", "ContainerUser"},
		{"daemonset.yaml", "kubernetes.io/os: windows", ""},
		{"daemonset.yaml", "maxUnavailable: 1", "maxUnavailable: 3"},
		{"daemonset.yaml", "-Configuration", "-Config"},
		{"daemonset.yaml", "        - name: configuration\n          configMap", "        - name: other\n          configMap"},
		{"daemonset.yaml", "initContainers", "initContainer"},
		{"daemonset.yaml", "apps/v1", "apps/v1beta1"},
		{"runtimeclass.yaml", "handler: cimsnap", "handler: runc"},
		{"namespace.yaml", "privileged", "restricted"},
		{"configmap.yaml", "data:", "content:"},
	} {
		sound := read(t, kubernetes, "install", fault.file)
		if err := check(strings.Replace(sound, fault.from, fault.to, 1)); err == nil || !strings.Contains(sound, fault.from) {
			t.Error(fmt.Sprint(i), fault, "is not found")
		}
	}
}
