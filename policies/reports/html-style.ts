/** How the page looks: on a wide screen, on a telephone, on paper; by day and by night. Systems' own fonts, nothing loaded. */
export const STYLE = `
:root { color-scheme: light dark; --ink: #1b2430; --soft: #5b6675; --line: #d9dee5; --ground: #fff; --panel: #f5f7f9; --bad: #b3261e; --warn: #8a5a00; --good: #1a6b3c; --calm: #3f5f8a }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #a3adba; --line: #39424e; --ground: #14181d; --panel: #1c2229; --bad: #ff8a80; --warn: #f0b95a; --good: #7bd39b; --calm: #9dbdea } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 70rem; padding: 2rem 1.25rem 4rem; font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; color: var(--ink); background: var(--ground) }
h1 { margin: 0; font-size: 1.75rem; line-height: 1.25 } h2 { margin: 2.5rem 0 .5rem; font-size: 1.25rem; border-bottom: 2px solid var(--line); padding-bottom: .25rem } h3 { margin: 1.75rem 0 .25rem; font-size: 1rem }
p { margin: .5rem 0; max-width: 52rem } .soft { color: var(--soft) } small { color: var(--soft); font-size: .85em }
code { font: .85em ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere }
.verdict { margin: 1.25rem 0; padding: .9rem 1.1rem; border-left: .5rem solid currentColor; background: var(--panel) } .verdict strong { display: block; font-size: 1.3rem } .verdict span { color: var(--ink) }
.violated, .mandatory, .broken, .expired, .unusable { color: var(--bad) } .advisory, .advice, .incomplete { color: var(--warn) } .passed, .clear, .current { color: var(--good) } .waived, .off { color: var(--calm) }
.mandatory, .advisory, .waived, .broken, .advice, .clear, .off, .expired, .unusable, .current { font-weight: 600 }
dl { display: grid; grid-template-columns: 11rem 1fr; gap: .35rem 1rem; margin: 1rem 0 } dt { color: var(--soft) } dd { margin: 0; min-width: 0 }
.counts { display: flex; flex-wrap: wrap; gap: .75rem; padding: 0; margin: 1rem 0; list-style: none } .counts li { flex: 1 1 7rem; background: var(--panel); padding: .6rem .8rem } .counts b { display: block; font-size: 1.5rem; line-height: 1.2 }
table { width: 100%; border-collapse: collapse; margin: .5rem 0 1rem; font-size: .925rem } th, td { text-align: left; vertical-align: top; padding: .45rem .75rem .45rem 0; border-bottom: 1px solid var(--line) } th { color: var(--soft); font-weight: 600 } td.narrow { white-space: nowrap }
.finding { margin: 1rem 0; padding: .1rem 0 .1rem .9rem; border-left: .25rem solid var(--line) } .finding.mandatory { border-color: var(--bad); color: inherit; font-weight: inherit } .finding h3 { margin: 0 } .finding ul { margin: .25rem 0 .25rem 1.1rem; padding: 0 } .finding p { margin: .2rem 0 }
@media (max-width: 42rem) {
  body { padding: 1rem .9rem 3rem } dl { grid-template-columns: 1fr; gap: 0 } dd { margin-bottom: .6rem }
  table, tbody, tr, td { display: block } thead { display: none } tr { border-bottom: 1px solid var(--line); padding: .5rem 0 } td { border: 0; padding: .1rem 0 } td.narrow { white-space: normal } td[data-label]::before { content: attr(data-label) ": "; color: var(--soft) }
}
@media print {
  :root { color-scheme: light; --ink: #000; --soft: #444; --line: #bbb; --ground: #fff; --panel: #fff; --bad: #b3261e; --warn: #8a5a00; --good: #1a6b3c; --calm: #3f5f8a }
  body { max-width: none; padding: 0; font-size: 10pt } h2, h3 { break-after: avoid } tr, .finding, .verdict, .counts { break-inside: avoid } thead { display: table-header-group } .verdict, .counts li { border: 1px solid var(--line) } .verdict { border-left: .5rem solid }
}
@page { margin: 16mm }`;
