"""How the report looks: dark and light as the reader's system wants it, black on white on paper. Must not know what it says."""

__all__ = ["STYLE"]

STYLE = """
:root{color-scheme:light dark;--page:#f7f7f5;--card:#fff;--ink:#16191d;--soft:#5a626c;--grid:#dfe2e6;--line:#3f4854;--buy:#1763c6;
--sell:#b5500b;--fall:#c43d2f;--held:#7a8696;--good:#0f6b45;--bad:#a82c1f}
@media (prefers-color-scheme:dark){:root{--page:#131519;--card:#1b1e24;--ink:#e7e9ec;--soft:#9ea6b1;--grid:#2f343d;--line:#b4bdc9;
--buy:#6cabf7;--sell:#f29a52;--fall:#ef7a6b;--held:#8d99a8;--good:#5cc795;--bad:#f28b7d}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.45 system-ui,sans-serif}
main{max-width:1200px;margin:0 auto;padding:24px 20px 48px}
h1{font-size:24px;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:17px;margin:0 0 10px}
h3{font-size:14px;margin:16px 0 4px}
section{background:var(--card);border:1px solid var(--grid);border-radius:8px;padding:16px 18px;margin:14px 0}
.soft,figcaption,dt{color:var(--soft)}
.code{border:1px solid;border-radius:5px;padding:1px 8px;font-weight:600;white-space:nowrap}
.good{color:var(--good)}.bad{color:var(--bad)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(165px,1fr));gap:10px;margin:16px 0}
.tiles div{background:var(--card);border:1px solid var(--grid);border-radius:8px;padding:10px 14px}
.tiles b{display:block;font-size:18px;font-weight:600;overflow-wrap:anywhere}
.tiles span{color:var(--soft);font-size:13px}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:13px}
th,td{text-align:left;padding:4px 16px 4px 0;border-bottom:1px solid var(--grid);vertical-align:top}
th{color:var(--soft);font-weight:500;white-space:nowrap}
.n{text-align:right;font-variant-numeric:tabular-nums}
td.n,td:first-child{white-space:nowrap}
dl{display:grid;grid-template-columns:max-content 1fr;gap:3px 18px;margin:0;font-size:14px}
dd{margin:0;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
code{font:13px/1.4 ui-monospace,monospace;overflow-wrap:anywhere}
a{color:var(--buy)}
figure{margin:0 0 18px;overflow-x:auto}
figcaption{font-size:13px}
svg{display:block;width:100%;min-width:640px;height:auto;font:11px system-ui,sans-serif}
svg.key{display:inline-block;width:16px;min-width:0;vertical-align:-4px;margin-left:12px}
.grid{stroke:var(--grid);fill:none}
.axis{fill:var(--soft)}
text.n{text-anchor:end}text.m{text-anchor:middle}
.line{fill:none;stroke:var(--line);stroke-width:1.4;stroke-linejoin:round}
.fall{fill:var(--fall);fill-opacity:.24}
.held{fill:var(--held);fill-opacity:.26}
.unseen{fill:var(--bad);fill-opacity:.16;stroke:var(--bad);stroke-opacity:.5;stroke-width:.6}
.reading{fill:transparent}
.reading:hover{fill:var(--held);fill-opacity:.18}
.BUY{color:var(--buy)}.SELL{color:var(--sell)}
.MAKER{fill:var(--card);fill-opacity:.75;stroke:currentColor;stroke-width:1.5}
.TAKER{fill:currentColor;stroke:var(--card);stroke-width:.7}
path.MAKER:hover,path.TAKER:hover{stroke:var(--ink);stroke-width:2}
@media print{:root{--page:#fff;--card:#fff;--ink:#000;--soft:#444;--grid:#ccc;--line:#222;--buy:#1763c6;--sell:#b5500b;--fall:#c43d2f;
--held:#7a8696;--good:#0f6b45;--bad:#a82c1f}
body{font-size:11px;print-color-adjust:exact;-webkit-print-color-adjust:exact}main{max-width:none;padding:0}
section{border:0;padding:0;margin:16px 0}figure,tr,dl,.tiles div{break-inside:avoid}h2,h3{break-after:avoid}
.wide,figure{overflow:visible}svg{min-width:0}table{font-size:9px}th,td{padding-right:6px}}
"""
