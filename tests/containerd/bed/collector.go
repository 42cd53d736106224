package bed

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Collector takes spans as a collector of OpenTelemetry does, and keeps them.
type Collector struct {
	*httptest.Server
	mutex sync.Mutex
	spans []Span
}

// Span is one with the name of who sent it.
type Span struct {
	*trace.Span
	Service string
}

// Collector starts a collector.
func (b *Bed) Collector() *Collector {
	c := &Collector{}
	c.Server = httptest.NewServer(http.HandlerFunc(c.take))
	b.Cleanup(c.Close)
	return c
}

func (c *Collector) take(answer http.ResponseWriter, request *http.Request) {
	var batch collector.ExportTraceServiceRequest
	body, err := io.ReadAll(request.Body)
	if err == nil && request.Method == http.MethodPost && request.URL.Path == "/v1/traces" {
		err = proto.Unmarshal(body, &batch)
	} else {
		err = http.ErrNotSupported
	}
	if err != nil {
		http.Error(answer, err.Error(), http.StatusBadRequest)
		return
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, resource := range batch.ResourceSpans {
		service, _ := attribute(resource.Resource.Attributes, "service.name")
		for _, scope := range resource.ScopeSpans {
			for _, span := range scope.Spans {
				c.spans = append(c.spans, Span{span, service.GetStringValue()})
			}
		}
	}
	answer.Header().Set("Content-Type", "application/x-protobuf")
}

// Spans returns all spans so far.
func (c *Collector) Spans() []Span {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return slices.Clone(c.spans)
}

// Attribute returns an attribute of a span, if it has that.
func (s Span) Attribute(key string) (*common.AnyValue, bool) {
	return attribute(s.Attributes, key)
}

func attribute(all []*common.KeyValue, key string) (*common.AnyValue, bool) {
	for _, pair := range all {
		if pair.Key == key {
			return pair.Value, true
		}
	}
	return nil, false
}
