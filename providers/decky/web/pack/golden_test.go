package pack_test

import (
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/web/pack"
)

// sequence is n numbers below k, the same for ever.
func sequence(n, k int) []int {
	x, all := 12345, make([]int, n)
	for i := range all {
		x = (x*1103515245 + 12345) & 0x7fffffff
		all[i] = (x >> 16) % k
	}
	return all
}

func words(n int) string {
	list := strings.Split("the server of this site answers <p> </p> <a href= index html body 0 1 2 3 configuration \n", " ")
	all := make([]string, n)
	for i, v := range sequence(n, len(list)) {
		all[i] = list[v]
	}
	return strings.Join(all, " ")
}

func noise(n int) string {
	all := make([]byte, n)
	for i, v := range sequence(n, 256) {
		all[i] = byte(v)
	}
	return string(all)
}

func digits(n int) string {
	var b strings.Builder
	for _, v := range sequence(n, 10) {
		b.WriteString(strconv.Itoa(v))
	}
	return b.String()
}

var goldens = map[string]struct {
	text    func() string
	options pack.Options
	want    string
}{
	"empty/1-15-8":  {func() string { return "" }, pack.Options{Level: 1, Window: 15, Memory: 8}, "59869db34853933b"},
	"empty/6-15-9":  {func() string { return "" }, pack.Options{Level: 6, Window: 15, Memory: 9}, "59869db34853933b"},
	"empty/6-15-8":  {func() string { return "" }, pack.Options{Level: 6, Window: 15, Memory: 8}, "59869db34853933b"},
	"empty/1-10-3":  {func() string { return "" }, pack.Options{Level: 1, Window: 10, Memory: 3}, "59869db34853933b"},
	"empty/1-9-2":   {func() string { return "" }, pack.Options{Level: 1, Window: 9, Memory: 2}, "59869db34853933b"},
	"one/1-15-8":    {func() string { return "a" }, pack.Options{Level: 1, Window: 15, Memory: 8}, "9ece04efd6adc177"},
	"one/6-15-9":    {func() string { return "a" }, pack.Options{Level: 6, Window: 15, Memory: 9}, "9ece04efd6adc177"},
	"one/6-15-8":    {func() string { return "a" }, pack.Options{Level: 6, Window: 15, Memory: 8}, "9ece04efd6adc177"},
	"one/1-10-3":    {func() string { return "a" }, pack.Options{Level: 1, Window: 10, Memory: 3}, "9ece04efd6adc177"},
	"one/1-9-2":     {func() string { return "a" }, pack.Options{Level: 1, Window: 9, Memory: 2}, "9ece04efd6adc177"},
	"run/1-15-8":    {func() string { return strings.Repeat("a", 1000) }, pack.Options{Level: 1, Window: 15, Memory: 8}, "560987fb0d25da84"},
	"run/6-15-9":    {func() string { return strings.Repeat("a", 1000) }, pack.Options{Level: 6, Window: 15, Memory: 9}, "920084a4c8b8afe4"},
	"run/6-15-8":    {func() string { return strings.Repeat("a", 1000) }, pack.Options{Level: 6, Window: 15, Memory: 8}, "920084a4c8b8afe4"},
	"text/1-15-8":   {func() string { return words(3000) }, pack.Options{Level: 1, Window: 15, Memory: 8}, "ebd86551d3a04e13"},
	"text/6-15-9":   {func() string { return words(3000) }, pack.Options{Level: 6, Window: 15, Memory: 9}, "fe045bf3568c4d10"},
	"text/6-15-8":   {func() string { return words(3000) }, pack.Options{Level: 6, Window: 15, Memory: 8}, "fe045bf3568c4d10"},
	"noise/1-15-8":  {func() string { return noise(2000) }, pack.Options{Level: 1, Window: 15, Memory: 8}, "f3e30e3aa7ac79b2"},
	"noise/6-15-9":  {func() string { return noise(2000) }, pack.Options{Level: 6, Window: 15, Memory: 9}, "f3e30e3aa7ac79b2"},
	"noise/6-15-8":  {func() string { return noise(2000) }, pack.Options{Level: 6, Window: 15, Memory: 8}, "f3e30e3aa7ac79b2"},
	"digits/1-15-8": {func() string { return digits(30000) }, pack.Options{Level: 1, Window: 15, Memory: 8}, "f122c57b0e816743"},
	"digits/6-15-9": {func() string { return digits(30000) }, pack.Options{Level: 6, Window: 15, Memory: 9}, "d640bfe9b0a40343"},
	"digits/6-15-8": {func() string { return digits(30000) }, pack.Options{Level: 6, Window: 15, Memory: 8}, "d640bfe9b0a40343"},
	"short/1-15-8":  {func() string { return words(80) }, pack.Options{Level: 1, Window: 15, Memory: 8}, "64c5b970cde4943d"},
	"short/6-15-9":  {func() string { return words(80) }, pack.Options{Level: 6, Window: 15, Memory: 9}, "9ea5b99dcc9b489c"},
	"short/6-15-8":  {func() string { return words(80) }, pack.Options{Level: 6, Window: 15, Memory: 8}, "9ea5b99dcc9b489c"},
	"short/1-10-3":  {func() string { return words(80) }, pack.Options{Level: 1, Window: 10, Memory: 3}, "64c5b970cde4943d"},
	"tiny/1-15-8":   {func() string { return words(40) }, pack.Options{Level: 1, Window: 15, Memory: 8}, "7dc05250a7908eb9"},
	"tiny/6-15-9":   {func() string { return words(40) }, pack.Options{Level: 6, Window: 15, Memory: 9}, "8c246005614c0934"},
	"tiny/6-15-8":   {func() string { return words(40) }, pack.Options{Level: 6, Window: 15, Memory: 8}, "8c246005614c0934"},
	"tiny/1-10-3":   {func() string { return words(40) }, pack.Options{Level: 1, Window: 10, Memory: 3}, "7dc05250a7908eb9"},
	"tiny/1-9-2":    {func() string { return words(40) }, pack.Options{Level: 1, Window: 9, Memory: 2}, "7dc05250a7908eb9"},
	"dots/1-15-8":   {func() string { return digits(700) }, pack.Options{Level: 1, Window: 15, Memory: 8}, "987898bd6ea992c1"},
	"dots/6-15-9":   {func() string { return digits(700) }, pack.Options{Level: 6, Window: 15, Memory: 9}, "dd73cce4abb2c05c"},
	"dots/6-15-8":   {func() string { return digits(700) }, pack.Options{Level: 6, Window: 15, Memory: 8}, "dd73cce4abb2c05c"},
	"dots/1-10-3":   {func() string { return digits(700) }, pack.Options{Level: 1, Window: 10, Memory: 3}, "987898bd6ea992c1"},
}
