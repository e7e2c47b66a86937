// The entry: two platforms side by side, one person looking at both, one socket behind them.

import { h } from "./dom.js";
import { discord } from "./discord.js";
import { Pane } from "./pane.js";
import { People } from "./people.js";
import { Socket } from "./socket.js";
import { PlatformState } from "./state.js";
import { Strip } from "./strip.js";
import { telegram } from "./telegram.js";

const deeds = { ask: (deed) => socket.ask(deed) };
const sides = new Map(
  [discord, telegram].map((look) => {
    const state = new PlatformState(look.name);
    const pane = new Pane(look, state, deeds);
    const strip = new Strip(look.label, state, (chat, message) => pane.reveal(chat, message));
    return [look.name, { state, pane, strip }];
  }),
);

const note = document.getElementById("note");
const connection = document.getElementById("connection");

const people = new People(document.getElementById("people"), become, speak);
document
  .getElementById("panes")
  .append(
    ...[...sides.values()].map(({ pane, strip }) => h("div", { class: "side" }, pane.node, strip.node)),
  );

function become(name) {
  for (const { pane } of sides.values()) pane.be(name);
  showLanguage();
}

function entriesOf(name) {
  return [...sides].map(([platform, { state }]) => `${platform}:${state.personCalled(name)?.id}`);
}

function speak(language) {
  for (const [platform, { pane }] of sides)
    pane.do({ do: "set_language", platform, language: language[platform] });
}

function showLanguage() {
  people.language = sides.get("discord").pane.me?.language;
}

function receive(news) {
  if (news.hello) {
    note.textContent = news.hello.note;
    for (const [name, { state, strip }] of sides) {
      state.restart(news.hello[name]);
      strip.restart(news.hello.figures.filter(({ platform }) => platform === name));
    }
    people.identify(entriesOf);
    become(people.me);
  } else if (news.figures) {
    sides.get(news.figures.platform).strip.figures(news.figures);
  } else {
    happen(sides.get(news.platform), news.event);
  }
}

function happen({ state, pane, strip }, event) {
  state.apply(event);
  pane.apply(event);
  strip.apply(event);
  if (event.type === "person") showLanguage();
}

const socket = new Socket(receive, (connected) => {
  connection.hidden = connected;
  document.body.classList.toggle("disconnected", !connected);
  // What became of the bots is not known; what is known is that nobody here reaches them.
  if (!connected) for (const side of sides.values()) happen(side, { type: "online", online: false });
});
