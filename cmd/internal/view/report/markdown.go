package report

import (
	"fmt"
	"strings"

	"github.com/decnet/decnet/cmd/internal/view"
)

// MaxMarkdown is how many bytes a comment has at most: GitHub takes 65,536
// characters, and a job adds a few lines of its own.
const MaxMarkdown = 60_000

// Comment is a report as a comment on a change: Markdown as GitHub and GitLab
// read it. All its texts are plain; String escapes them.
type Comment struct {
	Title  string
	Marker string     // makes the comment of a job recognisable to its next run
	Lines  []string   // below the title, a paragraph each; empty ones are left out
	Table  [][]string // the first row is the heading
	// Details are folded one by one, and cut as a whole from the end where the
	// comment grows too long.
	Details []Detail
	What    string // what the details are, in the plural: "resources"
	// Rest says where a reader finds what was cut.
	Rest string
}

// Detail is one folded part of a comment.
type Detail struct {
	Heading  string
	Place    string // "main.hcl:12"
	Text     string
	Code     string
	Language string // of Code: "diff", "hcl"
	Open     bool   // not folded at first
}

// Mark is the hidden line that a comment with a marker begins with: a job looks
// for it to replace its own comment.
func Mark(marker string) string {
	return "<!-- decnet: " + strings.ReplaceAll(htmlSigns.Replace(view.Clean(marker)), "--", "- -") + " -->"
}

// String is the comment, at most MaxMarkdown bytes.
func (c Comment) String() string {
	var head strings.Builder
	if c.Marker != "" {
		head.WriteString(Mark(c.Marker) + "\n")
	}
	if c.Title != "" {
		head.WriteString("### " + escape(limited(view.Clean(c.Title), 300)) + "\n")
	}
	const paragraphs = 20
	for i, line := range c.Lines {
		if line != "" && i < paragraphs {
			head.WriteString("\n" + escape(limited(line, 1000)) + "\n")
		}
	}
	head.WriteString(table(c.Table))
	rest := func(cut int) string {
		if cut == 0 {
			return ""
		}
		return fmt.Sprintf("\n%d more %s did not fit into this comment. %s\n", cut, escape(orElse(c.What, "parts")), escape(c.Rest))
	}
	room := MaxMarkdown - head.Len() - len(rest(len(c.Details)))
	var b strings.Builder
	shown := 0
	for _, d := range c.Details {
		text := d.String()
		if b.Len()+len(text) > room {
			break
		}
		b.WriteString(text)
		shown++
	}
	return head.String() + b.String() + rest(len(c.Details)-shown)
}

// table is limited to rows that leave room for the rest.
func table(rows [][]string) string {
	if len(rows) < 2 {
		return ""
	}
	const longest = 60
	var b strings.Builder
	b.WriteString("\n")
	for i, row := range rows {
		if i > longest {
			fmt.Fprintf(&b, "\n%d more rows.\n", len(rows)-i)
			break
		}
		for _, cell := range row {
			b.WriteString("| " + strings.ReplaceAll(escape(limited(view.Clean(cell), 120)), "|", `\|`) + " ")
		}
		b.WriteString("|\n")
		if i == 0 {
			b.WriteString(strings.Repeat("|---", len(row)) + "|\n")
		}
	}
	return b.String()
}

// String is the detail, folded.
func (d Detail) String() string {
	var b strings.Builder
	open := ""
	if d.Open {
		open = " open"
	}
	fmt.Fprintf(&b, "\n<details%s><summary>%s</summary>\n", open, htmlSigns.Replace(view.Clean(d.Heading)))
	if d.Place != "" {
		b.WriteString("\n" + escape(d.Place) + "\n")
	}
	if d.Text != "" {
		b.WriteString("\n" + strings.ReplaceAll(escape(d.Text), "\n", "  \n") + "\n")
	}
	if d.Code != "" {
		fence := fence(d.Code)
		fmt.Fprintf(&b, "\n%s%s\n%s\n%s\n", fence, d.Language, strings.TrimRight(clean(d.Code), "\n"), fence)
	}
	b.WriteString("\n</details>\n")
	return b.String()
}

// fence is longer than every run of backticks in code.
func fence(code string) string {
	longest, run := 2, 0
	for _, r := range code {
		if r != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return strings.Repeat("`", longest+1)
}

// htmlSigns would be read as HTML, or as a mention.
var htmlSigns = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "@", "&#64;")

// markdownSigns would be read as markup besides.
var markdownSigns = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;", "@", "&#64;",
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "#", `\#`, "~", `\~`, "!", `\!`,
)

// escape makes plain text of what would be markup, HTML or a mention. Inside of
// an HTML element only htmlSigns apply: no Markdown is read there.
func escape(text string) string { return markdownSigns.Replace(clean(text)) }

func limited(text string, bytes int) string {
	if len(text) <= bytes {
		return text
	}
	return strings.ToValidUTF8(text[:bytes], "") + "…"
}
