package bed

import (
	"fmt"
	"regexp"
)

// Registry is one on the loopback device, on a port of its own choice.
type Registry struct {
	*Process
	Host string
}

var listening = regexp.MustCompile(`listening on (127\.0\.0\.1:[0-9]+)`)

// Registry starts a registry.
func (b *Bed) Registry() *Registry {
	b.Helper()
	config := b.write("registry.yaml", fmt.Sprintf(`version: 0.1
log: {level: info, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: %s}}
http: {addr: "127.0.0.1:0"}
`, b.Mkdir("registry")))
	r := &Registry{}
	ready := func(p *Process) bool {
		match := listening.FindStringSubmatch(p.logged())
		if match != nil {
			r.Host = match[1]
		}
		return match != nil
	}
	r.Process = b.start("registry", ready, Tool("docker-registry"), "serve", config)
	return r
}

// Reference names an image of the registry.
func (r *Registry) Reference(name string) string {
	return fmt.Sprintf("%s/%s:latest", r.Host, name)
}
