#include "apps/brokerbench/page.hpp"

#include "apps/brokerbench/plot.hpp"

namespace mq::bench {

namespace {

constexpr const char* kPageStyle = R"css(
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif}
main{max-width:1640px;margin:0 auto;padding:28px 24px 48px}
h1{font-size:24px;line-height:1.25;margin:0 0 6px}
h2{font-size:15px;margin:0 0 10px}
.about{color:var(--soft);margin:0 0 22px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(170px,1fr));gap:14px;margin-bottom:18px}
.tile,.card{background:var(--card);border:1px solid var(--faint);border-radius:10px;padding:16px 18px}
.tile b{display:block;font-size:26px;line-height:1.2;font-variant-numeric:tabular-nums}
.tile b small{font-size:14px;font-weight:500;color:var(--soft)}
.tile span{color:var(--soft);font-size:13px}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,620px),1fr));gap:18px;align-items:start}
.card{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px}
th{text-align:left;color:var(--soft);font-weight:500}
th,td{padding:5px 14px 5px 0;border-top:1px solid var(--faint);vertical-align:top}
tr:first-child th,tr:first-child td{border-top:0}
td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.good{color:var(--good)}.bad{color:var(--bad)}
.failure{border-color:var(--bad);margin-bottom:18px}
footer{color:var(--soft);font-size:13px;margin-top:24px}
)css";

}  // namespace

std::string page(const std::string& title, const std::string& body) {
  return "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'><meta name='viewport' content='width=device-width,initial-scale=1'>"
         "<meta name='color-scheme' content='light dark'><title>" +
         escape_xml(title) + "</title><style>" + plot_style() + kPageStyle + "</style></head>\n<body><main>" + body +
         "<footer>Measured with brokerbench " BROKERD_VERSION ", the load tool of brokerd.</footer></main></body></html>\n";
}

std::string card(const std::string& content) { return "<section class='card'>" + content + "</section>\n"; }

std::string name_table(const std::string& title, const std::vector<std::pair<std::string, std::string>>& rows) {
  std::string out = "<h2>" + escape_xml(title) + "</h2><table>";
  for (const auto& [name, value] : rows) out += "<tr><th>" + escape_xml(name) + "</th><td>" + escape_xml(value) + "</td></tr>";
  return out + "</table>";
}

}  // namespace mq::bench
