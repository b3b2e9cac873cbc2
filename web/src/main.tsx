// SPDX-License-Identifier: Apache-2.0
import "./style.css";

import { render } from "solid-js/web";

import { createPage, PageContext } from "./live/page";
import { App } from "./view/App";

const root = document.getElementById("page");
if (!root) throw new Error("index.html has no #page");

// The same page is served at both places; only below /admin/ the browser has logged in.
render(() => {
  const page = createPage(location.pathname.startsWith("/admin"));
  return (
    <PageContext.Provider value={page}>
      <App />
    </PageContext.Provider>
  );
}, root);
