// Starts `sluice lsp` and connects it to Visual Studio Code.
"use strict";

const { workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

exports.activate = async () => {
  const command = workspace.getConfiguration("sluice").get("path", "sluice");
  client = new LanguageClient(
    "sluice",
    "Bloblang (Sluice)",
    { command, args: ["lsp"] },
    { documentSelector: [{ language: "bloblang" }, { language: "yaml" }] },
  );
  await client.start();
};

exports.deactivate = () => client && client.stop();
