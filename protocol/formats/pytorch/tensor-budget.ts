import { ProtocolError } from "../../errors.ts";
import { cutText } from "../../text.ts";

/** Above any checkpoint. */
const MOST_MEMBERS = 200_000;
const MOST_TENSORS = 50_000;
const MOST_CHARACTERS = 2 ** 24;

/** Longest name in a sentence. */
const MOST_SHOWN = 120;

/** What may be gone through in one file, all its networks together: one record may stand in many. */
export class TensorBudget {
  #members = 0;
  #tensors = 0;
  #characters = 0;

  /** @throws ProtocolError `malformed-model` when modules have too many members by name. */
  takeMembers(count: number, prefix: string): void {
    this.#members += count;
    if (this.#members <= MOST_MEMBERS) return;
    throw tooMuch(`modules have more than ${MOST_MEMBERS} members`, prefix);
  }

  /** @throws ProtocolError `malformed-model` when there are too many, or their names are too long. */
  takeTensor(name: string): void {
    this.#tensors++;
    this.#characters += name.length;
    if (this.#tensors > MOST_TENSORS) throw tooMuch(`more than ${MOST_TENSORS} tensors`, name);
    if (this.#characters <= MOST_CHARACTERS) return;
    throw tooMuch(`the tensors' names have more than ${MOST_CHARACTERS} characters`, name);
  }
}

function tooMuch(what: string, name: string): ProtocolError {
  return new ProtocolError(
    "malformed-model",
    `the file holds more than any checkpoint does: ${what}, at '${cutText(name, MOST_SHOWN)}'. Save the state dict alone, with torch.save(model.state_dict(), FILE)`,
  );
}
