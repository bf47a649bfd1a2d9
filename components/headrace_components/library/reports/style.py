"""The style of all reports: light and dark, for desktops and phones."""

# In both schemes, text has a contrast of at least 4.5 to its background (WCAG 2.1, AA).
STYLE = """
:root{color-scheme:light dark;--text:#1b1f24;--soft:#57606a;--page:#ffffff;--card:#f6f8fa;
--line:#d0d7de;--mark:#0a5cc2;--fill:#9cc4f5;--second:#8a3fbf;--good:#116329;--good-page:#dafbe1;
--bad:#a40e26;--bad-page:#ffebe9;--warn:#7a4a00;--warn-page:#fff3d1}
@media(prefers-color-scheme:dark){:root{--text:#e6edf3;--soft:#9ea7b3;--page:#0d1117;--card:#161b22;
--line:#30363d;--mark:#6cb0ff;--fill:#24568f;--second:#d2a8ff;--good:#56d364;--good-page:#12261e;
--bad:#ff8e8a;--bad-page:#2d1416;--warn:#e8b84a;--warn-page:#2b2111}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:1280px;margin:0 auto;padding:24px 20px 64px;overflow-wrap:anywhere}
table{overflow-wrap:normal}
[hidden]{display:none!important}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 4px}
h2{font-size:1.2rem;margin:36px 0 10px}
h3{font-size:1rem;margin:0;overflow-wrap:anywhere}
p{margin:6px 0;max-width:75ch}
a{color:var(--mark)}
a:focus-visible,.scroll:focus-visible,button:focus-visible,input:focus-visible,
select:focus-visible,summary:focus-visible{outline:2px solid var(--mark);outline-offset:2px}
.whole{white-space:nowrap}
code{font:.9em/1 ui-monospace,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
.soft{color:var(--soft)}
.small{font-size:.8rem}
.num{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
table{border-collapse:collapse;font-size:.9rem}
caption{text-align:left;color:var(--soft);padding:0 0 6px;font-size:.9rem}
th,td{padding:5px 10px;border-bottom:1px solid var(--line);vertical-align:top;text-align:left}
th.num,td.num{text-align:right}
th{font-weight:600}
thead th.num{white-space:normal}
thead th{color:var(--soft);vertical-align:bottom}
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:8px;margin:8px 0;
width:fit-content;max-width:100%}
.scroll caption{padding:8px 10px}
.scroll tr:last-child>*{border-bottom:0}
.scroll tbody th{position:sticky;left:0;background:var(--page);min-width:7rem;max-width:20rem;
overflow-wrap:break-word}
.long-table{max-height:70vh;overflow-y:auto}
.long-table thead th{position:sticky;top:0;background:var(--page);z-index:1}
.long-table thead th:first-child{left:0;z-index:2}
th button{font:inherit;color:inherit;background:none;border:0;padding:0;cursor:pointer;
text-align:inherit}
th button:hover{text-decoration:underline}
th button::after{content:" \N{UP DOWN ARROW}";opacity:.45}
[aria-sort=ascending] button::after{content:" \N{UPWARDS ARROW}";opacity:1}
[aria-sort=descending] button::after{content:" \N{DOWNWARDS ARROW}";opacity:1}
.search{display:flex;flex-wrap:wrap;gap:8px 18px;align-items:center;margin:10px 0}
.search input,.search select{font:inherit;color:inherit;background:var(--page);padding:4px 8px;
border:1px solid var(--soft);border-radius:6px;max-width:100%}
.search output{color:var(--soft)}
details{margin:10px 0}
summary{cursor:pointer;padding:4px 0;font-weight:600}
.names{columns:3 220px;padding-left:20px;margin:4px 0}
.group{border-left:1px solid var(--line)}
.badge{display:inline-block;border-radius:999px;padding:0 9px;font-size:.8rem;font-weight:600;
white-space:nowrap}
.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}
.badge.good,.banner.good{background:var(--good-page)}
.badge.bad,.banner.bad{background:var(--bad-page)}
.badge.warn,.banner.warn{background:var(--warn-page)}
.badge.plain{background:var(--card);color:var(--soft);border:1px solid var(--line);font-weight:400}
.banner{border-left:4px solid;border-radius:6px;padding:12px 16px;margin:16px 0}
.banner>*{color:var(--text);margin:2px 0}
.banner>strong:first-child{color:inherit;font-size:1.1rem}
.banner ul{padding-left:20px}
.notes{padding-left:20px;margin:8px 0;columns:2 360px;column-gap:32px}
.notes li{break-inside:avoid;margin-bottom:4px}
.cards{display:grid;gap:14px;grid-template-columns:repeat(auto-fill,minmax(min(340px,100%),1fr));
align-items:start}
.cards.wide{grid-template-columns:repeat(auto-fill,minmax(min(420px,100%),1fr))}
.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px;
min-width:0}
.block{border:1px solid var(--line);border-radius:8px;padding:12px;margin:0 0 14px}
.card:target{border-color:var(--mark);box-shadow:0 0 0 1px var(--mark)}
.head>span{display:flex;gap:6px}
.head{display:flex;flex-wrap:wrap;gap:4px 8px;align-items:baseline;justify-content:space-between}
.card table{width:100%;table-layout:fixed;margin-top:6px}
.card th,.card td{padding:3px 14px 3px 0}
.card tr>:last-child{padding-right:0}
.card thead th:first-child,.card tbody th{padding-right:6px}
.card tbody th{font-weight:400;color:var(--soft)}
.card thead th:first-child,.card thead td:first-child{width:4.6rem}
.card td{overflow-wrap:anywhere}
.card tr:last-child>*{border-bottom:0}
.card p{font-size:.9rem}
.long{overflow-wrap:anywhere}
.card ul{margin:6px 0 0;padding-left:18px;font-size:.9rem}
.card .scroll table{margin:0;table-layout:auto}
.card .scroll caption{padding:6px 8px}
.card .scroll th,.card .scroll td{padding:4px 8px;width:auto}
.card .scroll tbody th{background:var(--card);min-width:0}
.plot{display:block;width:100%;height:52px}
.curve{display:block;width:100%;max-width:360px;height:auto;margin:6px 0}
.strip{display:block;width:120px;height:16px}
svg text{fill:var(--soft);font-size:11px}
.bars{fill:var(--fill)}.axis{stroke:var(--line);fill:none}
.line{stroke:var(--mark);fill:none;stroke-width:2}
.line2{stroke:var(--second);fill:none;stroke-width:2;stroke-dasharray:5 4}
.dot{fill:var(--mark)}.dot2{fill:var(--second)}.interval{stroke:var(--fill);stroke-width:6}
.ring{stroke:var(--second);fill:none;stroke-width:2}
.mean{stroke:var(--soft);fill:none}
.shade{background:linear-gradient(color-mix(in srgb,var(--fill) var(--share),transparent) 0 0)}
.ticks{display:flex;justify-content:space-between;color:var(--soft);font-size:.75rem;gap:6px}
.top{list-style:none;margin:0!important;padding:0!important}
.top li{display:flex;justify-content:space-between;gap:6px;padding:0 4px;margin-bottom:2px;
border-radius:3px;background:linear-gradient(var(--fill),var(--fill)) 0/var(--share) 100% no-repeat}
.top span:first-child{min-width:0;overflow-wrap:anywhere}
.share{background:linear-gradient(var(--fill),var(--fill)) 0 50%/var(--share) 20px no-repeat}
.card td.share{padding-left:4px}
.scroll+.cards{margin-top:14px}
.plots{margin:8px 0 2px;font-size:.8rem}
.key i{display:inline-block;width:10px;height:10px;border-radius:50%;margin:0 5px 0 0}
.key span{display:inline-block;margin-right:16px}
.key .interval{width:18px;height:6px;background:var(--fill);border-radius:0;vertical-align:2px}
.key .mean{width:0;height:14px;border-left:2px solid var(--soft);border-radius:0;
vertical-align:-2px}
.key .first{background:var(--mark)}.key .second{border:2px solid var(--second)}
.key .dash{width:18px;height:0;border-top:2px dashed var(--second);border-radius:0;
vertical-align:4px}
@media(max-width:600px){main{padding:16px 12px 48px}h1{font-size:1.35rem}
th,td{padding:5px 8px}.scroll tbody th{min-width:4.5rem;max-width:9.5rem}}
@media print{.card,.banner{break-inside:avoid}}
"""
