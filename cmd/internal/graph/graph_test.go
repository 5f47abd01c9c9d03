package graph_test

import (
	"cmp"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/decnet/decnet/cmd/internal/graph"
)

func example() *graph.Graph {
	return &graph.Graph{
		Name: `quick "start"`,
		Nodes: []graph.Node{
			{ID: "sink.log", Kind: "sink"},
			{ID: "network.lab", Kind: "network", Cluster: "network.lab", Action: "create"},
			{ID: `decky.web["a\"b"]`, Kind: "decky", Cluster: "network.lab", Action: "replace"},
			{ID: `decky.web["a\"b"].service.http`, Kind: "service", Cluster: "network.lab"},
			{ID: "rule.scan", Kind: "rule", Action: "delete"},
		},
		Edges: []graph.Edge{
			{From: `decky.web["a\"b"].service.http`, To: `decky.web["a\"b"]`}, {From: `decky.web["a\"b"]`, To: "network.lab"},
			{From: `decky.web["a\"b"]`, To: "network.lab"}, {From: "rule.scan", To: "nowhere"}, {From: "rule.scan", To: "rule.scan"},
		},
	}
}

func drawn(t failer, g *graph.Graph, format string) string {
	t.Helper()
	var b strings.Builder
	if err := g.Write(&b, format); err != nil {
		t.Fatalf("%v", err)
	}
	return b.String()
}

type failer interface {
	Helper()
	Fatalf(string, ...any)
}

func TestDOT(t *testing.T) {
	want := `digraph "quick \"start\"" {
  rankdir = "RL"
  node [shape = "box", fontname = "sans-serif"]

  subgraph "cluster network.lab" {
    label = "network.lab"
    "decky.web[\"a\\\"b\"]" [label = "decky.web[\"a\\\"b\"]\nreplace", color = "#bc4c00", fontcolor = "#bc4c00"]
    "decky.web[\"a\\\"b\"].service.http" [label = "decky.web[\"a\\\"b\"].service.http", shape = "component"]
    "network.lab" [label = "network.lab\ncreate", shape = "hexagon", color = "#1a7f37", fontcolor = "#1a7f37"]
  }

  "rule.scan" [label = "rule.scan\ndelete", shape = "diamond", color = "#cf222e", fontcolor = "#cf222e"]
  "sink.log" [label = "sink.log"]

  "decky.web[\"a\\\"b\"]" -> "network.lab"
  "decky.web[\"a\\\"b\"].service.http" -> "decky.web[\"a\\\"b\"]"
}
`
	if diff := gocmp.Diff(want, drawn(t, example(), "dot")); diff != "" {
		t.Error(diff)
	}
}

func TestMermaid(t *testing.T) {
	want := `flowchart RL
  subgraph c0["network.lab"]
    n2["decky.web[#34;a#92;#34;b#34;]<br/>replace"]:::to_replace
    n3[["decky.web[#34;a#92;#34;b#34;].service.http"]]
    n4{{"network.lab<br/>create"}}:::to_create
  end
  n0{"rule.scan<br/>delete"}:::to_delete
  n1["sink.log"]
  n2 --> n4
  n3 --> n2
  classDef to_create stroke:#1a7f37,color:#1a7f37
  classDef to_delete stroke:#cf222e,color:#cf222e
  classDef to_replace stroke:#bc4c00,color:#bc4c00
`
	if diff := gocmp.Diff(want, drawn(t, example(), "mermaid")); diff != "" {
		t.Error(diff)
	}
}

func TestUnknownFormat(t *testing.T) {
	if err := example().Write(&strings.Builder{}, "svg"); err == nil || !strings.Contains(err.Error(), "dot or mermaid") {
		t.Error(err)
	}
}

// TestDrawnIsParsed draws random graphs, reads the drawings and finds the same
// nodes and edges, whatever the order they were given in.
func TestDrawnIsParsed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := random(t)
		dot, mermaid := drawn(t, g, "dot"), drawn(t, g, "mermaid")
		shuffled := &graph.Graph{Name: g.Name, Nodes: rapid.Permutation(g.Nodes).Draw(t, "nodes"), Edges: rapid.Permutation(g.Edges).Draw(t, "edges")}
		if drawn(t, shuffled, "dot") != dot || drawn(t, shuffled, "mermaid") != mermaid {
			t.Fatalf("another order gives another drawing")
		}
		want := wanted(g)
		if diff := gocmp.Diff(want, parseDOT(t, dot)); diff != "" {
			t.Fatalf("%s\n%s", diff, dot)
		}
		if diff := gocmp.Diff(want, parseMermaid(t, mermaid)); diff != "" {
			t.Fatalf("%s\n%s", diff, mermaid)
		}
	})
}

// TestGraphvizReadsIt asks the real program where it is installed.
func TestGraphvizReadsIt(t *testing.T) {
	dot, err := exec.LookPath("dot")
	if err != nil {
		t.Log("graphviz is not installed; the parser of these tests is the judge alone")
		return
	}
	cmd := exec.CommandContext(t.Context(), dot, "-Tcanon")
	cmd.Stdin = strings.NewReader(drawn(t, example(), "dot"))
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "cluster network.lab") {
		t.Errorf("%v\n%s", err, out)
	}
}

// parsed is what a drawing says.
type parsed struct {
	Nodes []string // "cluster|label"
	Edges []graph.Edge
}

func wanted(g *graph.Graph) parsed {
	var p parsed
	there := map[string]bool{}
	for _, n := range g.Nodes {
		there[n.ID] = true
		label := n.ID
		if n.Action != "" {
			label += "\n" + n.Action
		}
		p.Nodes = append(p.Nodes, n.Cluster+"|"+label)
	}
	for _, e := range g.Edges {
		if there[e.From] && there[e.To] && e.From != e.To {
			p.Edges = append(p.Edges, e)
		}
	}
	return p.sorted()
}

func (p parsed) sorted() parsed {
	slices.Sort(p.Nodes)
	slices.SortFunc(p.Edges, func(a, b graph.Edge) int { return cmp.Or(strings.Compare(a.From, b.From), strings.Compare(a.To, b.To)) })
	p.Edges = slices.Compact(p.Edges)
	return p
}

// random draws a graph whose IDs hold what needs an escape.
func random(t *rapid.T) *graph.Graph {
	id := rapid.StringMatching(`[a-z]{1,3}(\["[a-z"\\#;<>&{}\x60 |/-]{0,5}"\])?`)
	g := &graph.Graph{Name: id.Draw(t, "name")}
	ids := rapid.SliceOfNDistinct(id, 1, 8, rapid.ID).Draw(t, "ids")
	for _, id := range ids {
		g.Nodes = append(g.Nodes, graph.Node{
			ID: id, Kind: rapid.SampledFrom([]string{"decky", "network", "service", "variable", "local", "output", "rule", "module", "sink"}).Draw(t, "kind"),
			Action:  rapid.SampledFrom([]string{"", "create", "no-op", "delete", "move"}).Draw(t, "action"),
			Cluster: rapid.SampledFrom([]string{"", "network.a", `network.b["x"]`}).Draw(t, "cluster"),
		})
	}
	ends := rapid.SampledFrom(append(ids, "nowhere"))
	for range rapid.IntRange(0, 10).Draw(t, "edges") {
		g.Edges = append(g.Edges, graph.Edge{From: ends.Draw(t, "from"), To: ends.Draw(t, "to")})
	}
	return g
}

// parseDOT reads the part of the language that is written here, token by token:
// an unbalanced quote or bracket fails.
func parseDOT(t failer, text string) parsed {
	t.Helper()
	p := &dotParser{failer: t, tokens: dotTokens(t, text)}
	p.expect("digraph")
	p.id()
	p.expect("{")
	p.statements("")
	if len(p.tokens) > 0 {
		t.Fatalf("something follows the graph: %q", p.tokens)
	}
	return p.parsed.sorted()
}

var dotToken = regexp.MustCompile(`^(?:\s+|->|[{}\[\]=,]|[A-Za-z]+|"(?:[^"\\]|\\.)*")`)

func dotTokens(t failer, text string) []string {
	var out []string
	for text != "" {
		token := dotToken.FindString(text)
		if token == "" {
			t.Fatalf("no token at %.40q", text)
		}
		if strings.TrimSpace(token) != "" {
			out = append(out, token)
		}
		text = text[len(token):]
	}
	return out
}

type dotParser struct {
	failer
	tokens []string
	parsed
}

func (p *dotParser) next() string {
	if len(p.tokens) == 0 {
		p.Fatalf("the graph ends early")
	}
	token := p.tokens[0]
	p.tokens = p.tokens[1:]
	return token
}

func (p *dotParser) expect(token string) {
	if got := p.next(); got != token {
		p.Fatalf("%q where %q should stand", got, token)
	}
}

// id is the text of a quoted string, its escapes resolved as in a label.
func (p *dotParser) id() string {
	token := p.next()
	if !strings.HasPrefix(token, `"`) {
		return token
	}
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n").Replace(token[1 : len(token)-1])
}

func (p *dotParser) statements(cluster string) {
	for {
		switch word := p.next(); {
		case word == "}":
			return
		case word == "subgraph":
			name := strings.TrimPrefix(p.id(), "cluster ")
			p.expect("{")
			p.statements(name)
		case word == "node":
			p.attributes()
		case word == "rankdir" || word == "label":
			p.expect("=")
			p.next()
		default:
			p.tokens = append([]string{word}, p.tokens...)
			from := p.id()
			if p.tokens[0] == "->" {
				p.next()
				p.Edges = append(p.Edges, graph.Edge{From: from, To: p.id()})
				continue
			}
			p.Nodes = append(p.Nodes, cluster+"|"+p.attributes()["label"])
		}
	}
}

func (p *dotParser) attributes() map[string]string {
	out := map[string]string{}
	p.expect("[")
	for {
		name := p.next()
		p.expect("=")
		out[name] = p.id()
		if end := p.next(); end == "]" {
			return out
		} else if end != "," {
			p.Fatalf("%q between attributes", end)
		}
	}
}

var (
	mermaidNode    = regexp.MustCompile(`^ +(n\d+)(?:\[\[|\{\{|\[/|\[\(|[\[({>])"([^"]*)"(?:\]\]|\}\}|/\]|\)\]|[\])}])(?::::\w+)?$`)
	mermaidEdge    = regexp.MustCompile(`^  (n\d+) --> (n\d+)$`)
	mermaidCluster = regexp.MustCompile(`^  subgraph c\d+\["([^"]*)"\]$`)
	mermaidClass   = regexp.MustCompile(`^  classDef to_\w+ stroke:#[0-9a-f]{6},color:#[0-9a-f]{6}$`)
	mermaidEscape  = regexp.MustCompile(`#(\d+);`)
)

// parseMermaid reads a flowchart line by line; a line that is none of ours
// fails.
func parseMermaid(t failer, text string) parsed {
	t.Helper()
	plain := func(s string) string {
		s = strings.ReplaceAll(s, "<br/>", "\n")
		return mermaidEscape.ReplaceAllStringFunc(s, func(e string) string {
			n, err := strconv.Atoi(e[1 : len(e)-1])
			if err != nil {
				t.Fatalf("%v", err)
			}
			return string(rune(n))
		})
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if lines[0] != "flowchart RL" {
		t.Fatalf("it begins with %q", lines[0])
	}
	var p parsed
	cluster, names := "", map[string]string{}
	for _, line := range lines[1:] {
		if m := mermaidNode.FindStringSubmatch(line); m != nil {
			label := plain(m[2])
			names[m[1]], _, _ = strings.Cut(label, "\n")
			p.Nodes = append(p.Nodes, cluster+"|"+label)
		} else if m := mermaidEdge.FindStringSubmatch(line); m != nil {
			p.Edges = append(p.Edges, graph.Edge{From: names[m[1]], To: names[m[2]]})
		} else if m := mermaidCluster.FindStringSubmatch(line); m != nil {
			cluster = plain(m[1])
		} else if line == "  end" {
			cluster = ""
		} else if !mermaidClass.MatchString(line) {
			t.Fatalf("what is %q?", line)
		}
	}
	return p.sorted()
}

func BenchmarkDOT(b *testing.B) {
	g := &graph.Graph{Name: "x"}
	for i := range 5000 {
		id := fmt.Sprintf("decky.web[%d]", i)
		g.Nodes = append(g.Nodes, graph.Node{ID: id, Kind: "decky", Cluster: "network.lab"})
		g.Edges = append(g.Edges, graph.Edge{From: id, To: "network.lab"})
	}
	for b.Loop() {
		drawn(b, g, "dot")
	}
}
