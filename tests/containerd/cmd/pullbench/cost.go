package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"cimsnap/tests/containerd/bed"
)

// cost is what a pull takes. Processor time and memory are those of containerd, of the snapshotter, and of what they start.
type cost struct {
	WallS      float64 `json:"wall_s"`
	CPUS       float64 `json:"cpu_s"`
	PeakRSSMiB float64 `json:"peak_rss_mib"`
}

// samplePeriod is how often memory is looked at.
const samplePeriod = 20 * time.Millisecond

// ticksPerSecond is in what the kernel counts processor time for user space, on every architecture of Linux but Alpha.
const ticksPerSecond = 100

// costOf does something and tells what it took of some processes.
func costOf(pids []int, do func()) cost {
	stop, peak := make(chan struct{}), make(chan float64)
	go func() { peak <- peakMemory(pids, stop) }()
	ticks, start := ticksOf(pids), time.Now()
	do()
	wall := time.Since(start)
	spent := ticksOf(pids) - ticks
	close(stop)
	return cost{WallS: wall.Seconds(), CPUS: float64(spent) / ticksPerSecond, PeakRSSMiB: <-peak}
}

// ticksOf sums the processor time of processes and of their children that ended.
func ticksOf(pids []int) int64 {
	var sum int64
	for _, pid := range pids {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		// In user space and in the kernel, and both of children: fields 12 to 15 behind the name.
		fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
		for _, field := range fields[min(11, len(fields)):min(15, len(fields))] {
			ticks, _ := strconv.ParseInt(string(field), 10, 64)
			sum += ticks
		}
	}
	return sum
}

// peakMemory is the most resident memory, in MiB, that processes and their children had together.
func peakMemory(pids []int, stop chan struct{}) float64 {
	most := 0.0
	for {
		select {
		case <-stop:
			return most
		case <-time.After(samplePeriod):
			most = max(most, memoryOf(pids))
		}
	}
}

func memoryOf(pids []int) float64 {
	pages := 0
	for _, pid := range bed.Family(pids) {
		var total, resident int
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
		_, _ = fmt.Sscan(string(text), &total, &resident)
		pages += resident
	}
	return float64(pages*os.Getpagesize()) / (1 << 20)
}
