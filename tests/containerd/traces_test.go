package containerd

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	trace "go.opentelemetry.io/proto/otlp/trace/v1"

	"cimsnap/tests/containerd/bed"
	"cimsnap/tests/containerd/image"
)

const apply = "containerd.services.diff.v1.Diff/Apply"

// traced is a scene in which containerd and the daemon both send their spans to one collector.
type traced struct {
	*scene
	collector *bed.Collector
}

func newTraced(t *testing.T) traced {
	t.Helper()
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
	s := newStage(t)
	collector := s.Collector()
	s.daemon.Configure(fmt.Sprintf("[tracing]\nendpoint = %q\n", collector.URL))
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	s.serve(bed.Options{Unpacks: 4})
	return traced{s, collector}
}

// settled waits until all spans of the daemon are there whose requests containerd tells of, and returns all spans.
func (s traced) settled() []bed.Span {
	s.T.Helper()
	var all []bed.Span
	s.until("the spans are there", func() bool {
		all = s.collector.Spans()
		return slices.ContainsFunc(all, isApply) && !slices.ContainsFunc(all, func(span bed.Span) bool {
			return asks(span) && !slices.ContainsFunc(all, func(child bed.Span) bool { return isParent(span, child) }) || isServer(span) && parent(all, span) == nil
		})
	})
	return all
}

func isApply(span bed.Span) bool { return isServer(span) && span.Name == apply }

func isServer(span bed.Span) bool {
	return span.Service == "cimsnap" && span.Kind == trace.Span_SPAN_KIND_SERVER
}

// asks tells whether a span is a request of containerd that the daemon answers.
func asks(span bed.Span) bool {
	return span.Service == "containerd" && span.Kind == trace.Span_SPAN_KIND_CLIENT &&
		(strings.Contains(span.Name, "services.snapshots.v1") || strings.Contains(span.Name, "services.diff.v1"))
}

func isParent(span, child bed.Span) bool {
	return bytes.Equal(span.TraceId, child.TraceId) && bytes.Equal(span.SpanId, child.ParentSpanId)
}

func parent(all []bed.Span, child bed.Span) *bed.Span {
	at := slices.IndexFunc(all, func(span bed.Span) bool { return isParent(span, child) })
	if at < 0 {
		return nil
	}
	return &all[at]
}

// TestTraces pulls an image and looks into it, and finds each request and its stages below those of containerd.
func TestTraces(t *testing.T) {
	s := newTraced(t)
	layers := linuxImage(t)
	reference := s.push("linux", linux, layers...)
	s.containerd.Pull(reference)
	s.rootfs(bed.Namespace, reference, s.snapshotter.Name, linux)
	all := s.settled()
	names := map[string]int{}
	for _, span := range all {
		if span.Service != "cimsnap" {
			continue
		}
		above := parent(all, span)
		if above == nil {
			t.Fatalf("%s has no parent", span.Name)
		}
		names[span.Name]++
		if isServer(span) {
			s.joins(*above, span)
		} else {
			s.within(*above, span)
		}
	}
	for _, span := range all {
		if isApply(span) {
			s.inOrder(all, span)
		}
	}
	if names[apply] != len(layers) || names["convert"] != len(layers) {
		t.Errorf("%d layers were applied: %v", len(layers), names)
	}
	for _, name := range []string{"wait", "open", "fork", "mount"} {
		if names[name] == 0 {
			t.Errorf("nothing is told of %s: %v", name, names)
		}
	}
}

// joins fails unless a request of containerd and that which the daemon answers belong together.
func (s traced) joins(asked, answered bed.Span) {
	s.T.Helper()
	if asked.Service != "containerd" || !bytes.Equal(asked.TraceId, answered.TraceId) || !asks(asked) {
		s.T.Errorf("%s is below %s of %s", answered.Name, asked.Name, asked.Service)
	}
	if asked.Name != answered.Name {
		s.T.Errorf("%s is answered by %s", asked.Name, answered.Name)
	}
	keys := []string{"rpc.response.status_code"}
	if isApply(answered) {
		keys = append(keys, "cimsnap.blob.digest", "cimsnap.blob.size", "cimsnap.blob.media_type",
			"cimsnap.layer.outcome", "cimsnap.snapshot.key")
	}
	for _, key := range keys {
		if _, there := answered.Attribute(key); !there {
			s.T.Errorf("%s has no %s: %v", answered.Name, key, answered.Attributes)
		}
	}
}

// within fails unless a stage begins and ends while its request is under way.
func (s traced) within(request, stage bed.Span) {
	s.T.Helper()
	if request.Service != "cimsnap" || stage.StartTimeUnixNano < request.StartTimeUnixNano ||
		stage.EndTimeUnixNano > request.EndTimeUnixNano || stage.EndTimeUnixNano < stage.StartTimeUnixNano {
		s.T.Errorf("%s from %v to %v is no stage of %s from %v to %v", stage.Name, clock(stage.StartTimeUnixNano),
			clock(stage.EndTimeUnixNano), request.Name, clock(request.StartTimeUnixNano), clock(request.EndTimeUnixNano))
	}
}

// inOrder fails if stages of the making of a layer are missing, or overlap: one comes after the other. The image may come later.
func (s traced) inOrder(all []bed.Span, request bed.Span) {
	s.T.Helper()
	var last *bed.Span
	for _, name := range []string{"convert", "fork", "sync"} {
		at := slices.IndexFunc(all, func(span bed.Span) bool { return isParent(request, span) && span.Name == name })
		if at < 0 {
			if name != "fork" {
				s.T.Errorf("%s: no %s", request.Name, name)
			}
			continue
		}
		if last != nil && all[at].StartTimeUnixNano < last.EndTimeUnixNano {
			s.T.Errorf("%s begins at %v, before %s ends at %v", name, clock(all[at].StartTimeUnixNano),
				last.Name, clock(last.EndTimeUnixNano))
		}
		last = &all[at]
	}
}

func clock(nanos uint64) string { return time.Unix(0, int64(nanos)).Format("05.000000") }

// TestTracesOfFailures pulls an image with a layer that cannot be, and finds what is wrong with it in the trace.
func TestTracesOfFailures(t *testing.T) {
	s := newTraced(t)
	reference := s.push("broken", linux, image.Plain(image.Dir("./"), image.File(".wh.", nil)))
	if s.containerd.TryPull(bed.Namespace, reference) == nil {
		t.Fatal("the pull did not notice the broken layer")
	}
	for _, span := range s.settled() {
		failed := span.Status.GetCode() == trace.Status_STATUS_CODE_ERROR
		if isApply(span) && (!failed || !strings.Contains(span.Status.GetMessage(), "sha256:")) {
			t.Errorf("the failure is not told: %v", span.Status)
		}
		if isServer(span) && span.Name != apply && failed {
			t.Errorf("%s did not fail: %v", span.Name, span.Status)
		}
	}
}
