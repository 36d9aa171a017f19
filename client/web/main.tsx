import { render } from "preact";
import { App } from "./app.tsx";
import "./styles/layers.css";
import "./styles/base.css";
import "./styles/components.css";

const root = document.querySelector("#app");
if (root === null) throw new Error("the page has no place for the application");
root.replaceChildren();
render(<App path={location.pathname} />, root);
