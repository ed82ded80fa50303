package docs

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The navigation of the site is made of the items of docs/README.md.
func TestTheListOfPagesHasEveryPage(t *testing.T) {
	var listed []string
	for _, item := range regexp.MustCompile(`(?m)^\* \[[^\]]+\]\((\S+\.md)\): \S`).FindAllStringSubmatch(read(t, "docs/README.md"), -1) {
		listed = append(listed, item[1])
	}
	var want []string
	for _, page := range pages(t) {
		if name, guide := strings.CutPrefix(page, "docs/"); guide && name != "README.md" {
			want = append(want, name)
		}
	}
	for _, page := range listed {
		if strings.HasPrefix(page, "../") {
			want = append(want, page)
		}
	}
	require.ElementsMatch(t, want, listed, "docs/README.md lists")
}

// The site's generator takes a tag, and two braces, in the text of a page for its own. A line break in
// a table is one for both.
func TestPagesHaveNoTagsInTheirText(t *testing.T) {
	fenced := regexp.MustCompile("(?ms)^```.*?^```$")
	comment := regexp.MustCompile(`<!-- \S+ -->`)
	tag := regexp.MustCompile(`</?[A-Za-z][^ ]*|\{\{`)
	for _, page := range pages(t) {
		text := comment.ReplaceAllString(inCode.ReplaceAllString(fenced.ReplaceAllString(read(t, page), ""), ""), "")
		text = strings.ReplaceAll(text, "<br>", "")
		require.Empty(t, tag.FindAllString(text, -1), "%s has these outside of code", page)
	}
}
