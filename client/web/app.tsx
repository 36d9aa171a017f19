import type { ComponentChildren } from "preact";
import { HomePage } from "./home/home-page.tsx";
import { JoinPage } from "./join/join-page.tsx";

/** Chooses the page; each is reached by a full load, so that nothing survives from one to another. */
export function App({ path }: { readonly path: string }) {
  return <Frame>{pageFor(path)}</Frame>;
}

function pageFor(path: string): ComponentChildren {
  if (path === "/" || path === "/index.html") return <HomePage />;
  if (path.startsWith("/join/")) return <JoinPage />;
  return (
    <section class="card">
      <h1>There is no such page</h1>
      <p>
        Go to <a href="/">the start page</a>, or open your invite link again, whole.
      </p>
    </section>
  );
}

function Frame({ children }: { readonly children: ComponentChildren }) {
  return (
    <>
      <header class="masthead">
        <a class="brand" href="/">
          <img src="/icon.svg" alt="" width="28" height="28" />
          Scour
        </a>
        <span class="tagline">Backdoor cleansing without labels</span>
      </header>
      <main>{children}</main>
      <footer class="foot">Training runs in this tab. Images stay on this device.</footer>
    </>
  );
}
