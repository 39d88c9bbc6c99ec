package measure_test

import (
	"testing"
	"time"

	"github.com/scalesmall/ssnode/bench/measure"
)

func TestSeries_MedianAndSpread(t *testing.T) {
	for _, test := range []struct {
		series measure.Series
		want   string
	}{
		{measure.Series{3, 1, 2}, "2.00 [1.00–3.00]"},
		{measure.Series{40, 10}, "25.0 [10.0–40.0]"},
		{measure.Series{1500}, "1500 [1500–1500]"},
	} {
		if got := test.series.String(); got != test.want {
			t.Errorf("%v is %s, want %s", []float64(test.series), got, test.want)
		}
	}
	if got := (measure.Series{6, 8}).Over(measure.Series{3, 2}).String(); got != "3.00 [2.00–4.00]" {
		t.Errorf("the ratio is %s", got)
	}
}

func TestTurns_RotatesTheOrder(t *testing.T) {
	order := ""
	rival := func(name string, figure float64) func() (float64, error) {
		return func() (float64, error) { order += name; return figure, nil }
	}
	all, err := measure.Turns(3, rival("a", 1), rival("b", 2))
	if err != nil {
		t.Fatal(err)
	}
	if order != "abbaab" {
		t.Errorf("the order is %s", order)
	}
	if len(all[0]) != 3 || all[1].Median() != 2 {
		t.Errorf("the figures are %v", all)
	}
}

func TestDurations_Quantile(t *testing.T) {
	d := measure.Durations{3 * time.Second, time.Second, 2 * time.Second}
	if d.Quantile(0.5) != 2*time.Second || d.Quantile(1) != 3*time.Second {
		t.Errorf("the quantiles are %s and %s", d.Quantile(0.5), d.Quantile(1))
	}
}
