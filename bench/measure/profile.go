package measure

import (
	"errors"
	"flag"
	"os"
	"runtime"
	"runtime/pprof"
)

// Profiles are files that a command was asked to write what it did to.
type Profiles struct {
	cpu, allocs string
	cpuFile     *os.File
}

// Flags has the command line say which.
func (p *Profiles) Flags() {
	flag.StringVar(&p.cpu, "cpuprofile", "", "write a CPU profile of what is measured here")
	flag.StringVar(&p.allocs, "allocprofile", "", "write a profile of all allocations since the start here")
}

// Start begins the CPU profile.
func (p *Profiles) Start() (err error) {
	if p.cpu == "" {
		return nil
	}
	if p.cpuFile, err = os.Create(p.cpu); err != nil {
		return err
	}
	return pprof.StartCPUProfile(p.cpuFile)
}

// Stop writes them.
func (p *Profiles) Stop() error {
	if p.cpuFile != nil {
		pprof.StopCPUProfile()
		if err := p.cpuFile.Close(); err != nil {
			return err
		}
	}
	if p.allocs == "" {
		return nil
	}
	runtime.GC() // what was not swept is not counted yet
	f, err := os.Create(p.allocs)
	if err != nil {
		return err
	}
	return errors.Join(pprof.Lookup("allocs").WriteTo(f, 0), f.Close())
}
