/* Search in the index that lies beside the pages; no request, nothing is stored, text never becomes markup. */
(function () {
  "use strict";
  var MOST = 60;
  var rows = window.tradehallIndex || [];
  var input = document.getElementById("q");
  var found = document.getElementById("found");
  var list = document.getElementById("results");
  var count = document.getElementById("count");
  var texts = rows.map(function (row) {
    return { title: row[0].toLowerCase(), code: row[1].toLowerCase(), all: row.join("\n").toLowerCase() };
  });

  function points(text, words) {
    var sum = 0;
    for (var i = 0; i < words.length; i += 1) {
      var word = words[i];
      if (text.all.indexOf(word) < 0) {
        return 0;
      }
      sum += 1;
      if (text.code === word || text.title === word) {
        sum += 12;
      } else if (text.title.indexOf(word) === 0 || text.code.indexOf(word) === 0) {
        sum += 6;
      } else if (text.title.indexOf(word) > 0 || text.code.indexOf(word) > 0) {
        sum += 3;
      }
    }
    return sum;
  }

  function best(words) {
    var hits = [];
    texts.forEach(function (text, number) {
      var worth = points(text, words);
      if (worth > 0) {
        hits.push({ number: number, worth: worth });
      }
    });
    /* The index stands in order of importance: standards before their fields; equals keep that order. */
    hits.sort(function (a, b) {
      return b.worth - a.worth || a.number - b.number;
    });
    return hits;
  }

  function element(name, kind, words) {
    var made = document.createElement(name);
    made.className = kind;
    made.textContent = words;
    return made;
  }

  function item(row) {
    var line = document.createElement("li");
    var link = element("a", "", row[0]);
    link.href = row[3];
    line.appendChild(link);
    line.appendChild(document.createTextNode(" "));
    line.appendChild(element("code", "", row[1]));
    line.appendChild(element("span", "hint", row[2]));
    return line;
  }

  function show() {
    var words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    var hits = words.length ? best(words) : [];
    list.textContent = "";
    hits.slice(0, MOST).forEach(function (hit) {
      list.appendChild(item(rows[hit.number]));
    });
    count.textContent = !words.length
      ? ""
      : hits.length
        ? found.dataset.found.replace("{0}", String(hits.length))
        : found.dataset.nothing;
  }

  input.value = new URLSearchParams(window.location.search).get("q") || "";
  input.addEventListener("input", show);
  show();
})();
