// SPDX-License-Identifier: Apache-2.0
// Every view on a full hub: what is shown is what the API says, and what can be clicked does what it says.
import assert from "node:assert/strict";
import { button, get, go, logIn, openPage, press, shown, until } from "./browser.mjs";

const number = (value) => value.toLocaleString("en");

/** The texts of a table's rows, a list of cells each. */
export const cells = (page, caption) => page.$$eval(`.scroll[aria-label="${caption}"] tbody tr`,
  (rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent.trim())));

/** A table's column, by what stands over it. */
const column = (page, caption, head) => page.$$eval(`.scroll[aria-label="${caption}"] tbody td[data-head="${head}"]`,
  (all) => all.map((cell) => cell.textContent.trim()));

/** The values of a list of pairs by their names. */
const pairs = (page) => page.$$eval("dl.pairs dt", (all) => Object.fromEntries(all.map((one) => [one.textContent, one.nextElementSibling.textContent])));

/** Waits until a column of a table is what it is to be; says what it is instead. */
async function becomes(page, caption, head, wanted) {
  let seen = [];
  await until(`the table ${caption}`, async () => {
    seen = await column(page, caption, head);
    return JSON.stringify(seen) === JSON.stringify(wanted);
  }, 5000).catch(() => assert.deepEqual(seen, wanted, `the table ${caption}`));
}

/** How many different colours a chart has, which is one when nothing was drawn. */
const colours = (page) => page.$eval(".chart canvas", (canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(data.buffer)).size;
});

// --- the views -----------------------------------------------------------------------------------

async function seeOverview(page) {
  await go(page, "#/");
  const seen = await get(page, "/v1/overview?hours=72");
  assert.equal(await page.textContent("h1"), `${number(seen.need_you)} devices need you`);
  const problems = seen.needs.filter((one) => one.devices > 0);
  assert.ok(problems.length >= 3, "the made hub has problems of several kinds");
  const figures = await page.$$eval(".card.bad .figure, .card.warn .figure", (all) => all.map((one) => one.textContent));
  assert.deepEqual(figures, problems.map((one) => number(one.devices)));
  const sum = seen.hours.results.reduce((all, one) => all + one, 0);
  assert.ok((await page.getAttribute(".chart", "aria-label")).includes(`results ${sum},`), "the chart says what it shows");
  assert.ok(await colours(page) > 5, "the chart is drawn");
  const status = await get(page, "/v1/status");
  assert.ok((await page.textContent("main")).includes(`${number(status.records)}records held`), "how many are held");
  await page.click(`a[href="#/devices?need=${problems[0].need}"]`);
  await shown(page, "devices");
  assert.equal(await page.inputValue("select[name=need]"), problems[0].need);
  const count = problems[0].devices;
  assert.equal(await page.textContent("p[role=status]"), `${number(count)} device${count === 1 ? "" : "s"}${count > 50 ? ", page 1" : ""}`);
  await page.goBack();
  await shown(page, "overview");
  assert.match(await page.textContent("h1"), /need you/);
}

async function seeDevices(page) {
  await go(page, "#/devices");
  const names = async (query) => (await get(page, `/v1/devices?limit=50&${query}`)).devices.map((one) => one.name);
  const first = await get(page, "/v1/devices?limit=50");
  await becomes(page, "Devices", "Device", first.devices.map((one) => one.name));
  assert.equal(await page.textContent("p[role=status]"), `${number(first.total)} devices, page 1`);
  await press(page, "On");
  await becomes(page, "Devices", "Device", await names(`after=${encodeURIComponent(first.after)}`));
  await press(page, "Back");
  await becomes(page, "Devices", "Device", first.devices.map((one) => one.name));
  assert.ok(await button(page, "Back").isDisabled(), "there is nothing before the first page");
  await page.fill("input[name=words]", "press-000");
  await becomes(page, "Devices", "Device", await names("words=press-000"));
  await page.selectOption("select[name=label]", "site=turku");
  await becomes(page, "Devices", "Device", await names("words=press-000&label=site%3Dturku"));
  await page.fill("input[name=words]", "");
  await page.selectOption("select[name=state]", "revoked");
  await becomes(page, "Devices", "Device", await names("label=site%3Dturku&state=revoked"));
  await page.selectOption("select[name=state]", "");
  await page.selectOption("select[name=sort]", "records");
  await becomes(page, "Devices", "Device", await names("label=site%3Dturku&sort=records"));
  const link = (await column(page, "Devices", "Device"))[3];
  await page.click(`tbody a[href="#/device/${link}"]`);
  await shown(page, "device");
  await page.goBack();
  await shown(page, "devices");
  assert.equal(await page.inputValue("select[name=label]"), "site=turku", "the way back keeps the filter");
  await becomes(page, "Devices", "Device", await names("label=site%3Dturku&sort=records"));
}

async function labelSeveral(page) {
  await go(page, "#/devices?words=press-0001");
  const chosen = (await column(page, "Devices", "Device")).slice(0, 3);
  assert.equal(chosen.length, 3);
  for (const name of chosen) await page.check(`input[aria-label="choose ${name}"]`);
  assert.equal(await page.textContent(".actions .count"), "3 chosen");
  await page.fill("input[name=bulk]", "no sign");
  await press(page, "Set label");
  await page.waitForSelector("main .note.trouble");
  await page.fill("input[name=bulk]", "hall=west");
  await press(page, "Set label");
  await page.waitForSelector(".actions span:text-is('done')");
  for (const name of chosen) {
    assert.equal((await get(page, `/v1/devices/${name}`)).labels.hall, "west");
    const { deeds } = await get(page, `/v1/audit?who=admin&words=${name}`);
    assert.ok(deeds.some((one) => one.subject === name && /labels/.test(one.what)), `the audit knows of ${name}`);
  }
  await becomes(page, "Devices", "Labels", (await get(page, "/v1/devices?words=press-0001&limit=50")).devices
    .map((one) => Object.entries(one.labels).map(([name, value]) => `${name}=${value}`).join("")));
  return chosen;
}

async function seeDevice(page) {
  const { alarms } = await get(page, "/v1/alarms");
  const open = alarms.find((one) => one.device && !one.seen_at);
  assert.ok(open, "the made hub has an alarm");
  await go(page, `#/device/${open.device}`);
  const one = await get(page, `/v1/devices/${open.device}`);
  assert.equal(await page.textContent("h1"), one.name);
  const said = await pairs(page);
  assert.equal(said.Id, one.id);
  assert.equal(said.machine, one.facts.machine);
  assert.deepEqual(await cells(page, "Lanes"), one.lanes.map((lane) => [lane.lane, number(lane.stored), number(lane.gone), number(lane.aside)]));
  assert.equal((await cells(page, "What went missing or failed")).length, one.losses.length);
  await page.click(".scroll[aria-label=Alarms] button");
  await until("the alarm is seen", async () => (await cells(page, "Alarms"))[0][3] === "by admin");
  assert.equal((await get(page, `/v1/devices/${open.device}`)).alarms[0].seen_by, "admin");
  await page.click(`a[href="#/results?device=${open.device}"]`);
  await shown(page, "results");
  assert.equal(await page.inputValue("input[name=device]"), open.device);
  assert.ok((await column(page, "Results", "Device")).every((name) => name === open.device));
}

async function seeResults(page) {
  const links = () => page.$$eval(".scroll[aria-label=Results] tbody a.mono", (all) => all.map((one) => one.hash.replace("#/result/", "")));
  const same = (query, before = "") => until(`the results of ${query}`, async () => {
    const answer = await get(page, `/v1/results?limit=50&${query}${before}`);
    return JSON.stringify(await links()) === JSON.stringify(answer.results.map((one) => one.id)) && answer;
  });
  await go(page, "#/results");
  const first = await same("");
  await press(page, "Older");
  await same("", `&before=${encodeURIComponent(first.next)}`);
  await press(page, "Newer");
  await same("");
  await page.fill("input[name=workflow]", "press-watch");
  await press(page, "Show");
  await same("workflow=press-watch");
  await page.selectOption("select[name=lane]", "urgent");
  const { results } = await same("workflow=press-watch&lane=urgent");
  assert.ok(results.length > 0 && results.every((one) => one.name === "fault"), "the urgent ones are faults");
  await page.fill("input[name=label]", "site=graz");
  await press(page, "Show");
  await same("workflow=press-watch&lane=urgent&label=site%3Dgraz");
  assert.match(await page.getAttribute("a.button[download]", "href"), /label=site%3Dgraz/);
  const wanted = (await links())[0];
  await page.click(".scroll[aria-label=Results] tbody a.mono");
  await shown(page, "result");
  await page.goBack();
  await shown(page, "results");
  assert.equal(await page.inputValue("select[name=lane]"), "urgent");
  return wanted;
}

async function seeResult(page, id) {
  await go(page, `#/result/${id}`);
  const one = await get(page, `/v1/results/${id}`);
  const said = await pairs(page);
  for (const [name, value] of Object.entries(one.result)) assert.equal(said[name], String(value));
  assert.equal(said.Run, one.run);
  assert.deepEqual(JSON.parse(await page.textContent("main pre")), one);
  await page.click(`dd a[href="#/workflow/${one.workflow}"]`);
  await shown(page, "workflow");
  assert.equal(await page.textContent("h1"), one.workflow);
}

async function seeWorkflows(page) {
  await go(page, "#/workflows");
  const { workflows } = await get(page, "/v1/status");
  const names = workflows.map((one) => one.workflow).sort();
  const rows = await cells(page, "Workflows");
  assert.deepEqual(rows.map((row) => row[0]), names);
  assert.deepEqual(rows.map((row) => row[3]), names.map((name) => number(workflows.find((one) => one.workflow === name).records)));
  await page.click(`a[href="#/workflow/cold-room"]`);
  await shown(page, "workflow");
  assert.ok(await colours(page) > 5, "the chart of a workflow is drawn");
  const { results } = await get(page, "/v1/results?workflow=cold-room&limit=20");
  assert.equal((await cells(page, "Newest results")).length, results.length);
}

async function seeHub(page) {
  await go(page, "#/health");
  const status = await get(page, "/v1/status");
  const said = await pairs(page);
  assert.equal(said.Records, number(status.records));
  assert.equal(said.Store, status.store);
  assert.equal(said.People, status.people);
  assert.deepEqual((await cells(page, "Workflows")).map((row) => row.slice(0, 2)), status.workflows.map((one) => [one.workflow, number(one.records)]));
}

async function seeAudit(page, chosen) {
  await go(page, "#/audit");
  await page.fill("input[name=words]", chosen[0]);
  await page.press("input[name=words]", "Enter");
  const { deeds } = await get(page, `/v1/audit?words=${chosen[0]}`);
  await becomes(page, "Deeds", "With what", deeds.map((one) => one.subject));
  assert.ok((await cells(page, "Deeds")).some((row) => row[5].includes('"hall":"west"')), "with what it was done");
  await page.fill("input[name=who]", "nobody-else");
  await page.press("input[name=who]", "Enter");
  await page.waitForSelector("text=Nobody did anything like that.");
}

/** Longer than a page: forth and back. */
async function pageAudit(page) {
  await page.evaluate(async () => {
    for (let i = 0; i < 110; i++) {
      await fetch("/v1/devices/room-00000/labels", { method: "POST", body: JSON.stringify({ turn: String(i) }) });
    }
  });
  await go(page, "#/audit");
  const first = await get(page, "/v1/audit");
  const second = await get(page, `/v1/audit?before=${first.next}`);
  assert.equal(first.deeds.length, 100);
  await becomes(page, "Deeds", "Details", first.deeds.map((one) => one.details));
  await press(page, "Older");
  await becomes(page, "Deeds", "Details", second.deeds.map((one) => one.details));
  await press(page, "Newer");
  await becomes(page, "Deeds", "Details", first.deeds.map((one) => one.details));
}

async function seePeople(page) {
  await go(page, "#/people");
  const { people } = await get(page, "/v1/people");
  assert.deepEqual(await column(page, "People", "Name"), people.map((one) => one.name));
}

async function askQuestions(page) {
  await go(page, "#/questions");
  await page.fill("textarea[name=sql]", "select workflow, count(*) as results from results group by workflow order by workflow");
  await press(page, "Ask");
  await page.waitForSelector(".scroll[aria-label=Answer]");
  const { workflows } = await get(page, "/v1/status");
  assert.deepEqual(await column(page, "Answer", "workflow"), workflows.map((one) => one.workflow).filter(Boolean).sort());
  await page.fill("textarea[name=sql]", "delete from results");
  await press(page, "Ask");
  await page.waitForSelector("main .note.bad");
  page.watch.forgive(/status of 400/);
}

/** All views, as an admin. `given.questions`: whether this hub answers them. */
export async function every_view(browser, url, given) {
  const page = await openPage(browser, url);
  await logIn(page, "admin", given.password);
  await seeOverview(page);
  await seeDevices(page);
  const chosen = await labelSeveral(page);
  await seeDevice(page);
  await seeResult(page, await seeResults(page));
  await seeWorkflows(page);
  await seeHub(page);
  await seeAudit(page, chosen);
  await pageAudit(page);
  await seePeople(page);
  if (given.questions) await askQuestions(page);
  page.watch.check("every view");
}
