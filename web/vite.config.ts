// SPDX-License-Identifier: Apache-2.0
import { defineConfig, type Plugin } from "vite";
import solid from "vite-plugin-solid";

const LICENCE = "/* SPDX-License-Identifier: Apache-2.0 */\n";

/** Minifiers drop comments; the licence line goes in again behind them. */
function licenceLines(): Plugin {
  return {
    name: "licence-lines",
    enforce: "post",
    generateBundle(_options, bundle) {
      for (const file of Object.values(bundle)) {
        if (file.type === "chunk") file.code = LICENCE + file.code;
        else if (file.fileName.endsWith(".css")) file.source = LICENCE + String(file.source);
      }
    },
  };
}

/** The icon is served at the root, where browsers look for it; the rest is below the base. */
function iconAtRoot(): Plugin {
  return {
    name: "icon-at-root",
    transformIndexHtml: {
      order: "post",
      handler: (html) => html.replace("/view/favicon", "/favicon"),
    },
  };
}

// What dashboard-pack puts into maglevd-frontend: files below assets/ have their hash in the name,
// and nothing is inlined, which the Content-Security-Policy forbids.
export default defineConfig({
  base: "/view/",
  plugins: [solid(), licenceLines(), iconAtRoot()],
  build: {
    target: "es2021",
    outDir: process.env["MAGLEV_WEB_DIST"] ?? "dist",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  // `npx vite`: the page while it is written, over a dashboard that runs.
  server: {
    proxy: Object.fromEntries(
      ["/view/api", "/admin/api"].map((path) => [
        path,
        process.env["MAGLEV_DASHBOARD"] ?? "http://127.0.0.1:8080",
      ]),
    ),
  },
});
