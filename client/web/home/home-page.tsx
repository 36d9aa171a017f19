import { useSignal } from "@preact/signals";
import { parseInviteUrl } from "../../participant/wire/invite-url.ts";

/** What this coordinator is, and how to join. */
export function HomePage() {
  const link = useSignal("");
  const problem = useSignal("");

  const open = (event: SubmitEvent): void => {
    event.preventDefault();
    try {
      const { campaign, origin, token } = parseInviteUrl(link.value);
      location.assign(`${origin}/join/${campaign}#${token}`);
    } catch (error) {
      problem.value = error instanceof Error ? error.message : String(error);
    }
  };

  return (
    <>
      <section class="hero">
        <h1>Help clean a model, and keep your pictures</h1>
        <p class="lead">
          An image classifier can hide a backdoor: a small mark in a picture makes it answer what an
          attacker wants. This coordinator runs campaigns that remove such backdoors. Volunteers
          teach a partly reset copy of the model what the original knows, each on pictures of their
          own, and the hidden behaviour is left behind.
        </p>
      </section>
      <section class="card">
        <h2>Join with an invite</h2>
        <p>Whoever runs a campaign gives you a link. Open it, or paste it here.</p>
        <form class="inline-form" onSubmit={open}>
          <label>
            Invite link
            <input
              type="url"
              inputMode="url"
              autocomplete="off"
              placeholder="https://…/join/c-…#…"
              required
              aria-describedby="invite-problem"
              value={link}
              onInput={(event) => {
                link.value = event.currentTarget.value;
                problem.value = "";
              }}
            />
          </label>
          <button class="primary" type="submit">
            Open
          </button>
        </form>
        <p id="invite-problem" class="problem" role="alert">
          {problem}
        </p>
      </section>
      <section class="card">
        <h2>How it goes</h2>
        <ol class="steps">
          <li>
            <strong>You choose pictures.</strong> A folder, a few files, or a zip. No labels are
            needed, and none are read.
          </li>
          <li>
            <strong>This tab trains.</strong> It fetches the model, checks it, and takes a few
            training steps a round on your graphics card or processor.
          </li>
          <li>
            <strong>Changes are combined.</strong> What the steps changed in the model goes to the
            coordinator, which averages it with that of others. Then the next round begins.
          </li>
        </ol>
        <p class="quiet">
          Pictures, their names and labels are never sent. You can pause, finish a round and leave,
          or stop at any time.
        </p>
      </section>
    </>
  );
}
