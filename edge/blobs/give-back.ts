/**
 * Gives back the memory of large buffers; whoever still has them finds them empty. The collector of garbage
 * hears of such memory late, above all of what storage filled: without this an isolate through which a
 * model goes would hold it several times over before it is looked at.
 *
 * @param bytes all that their buffer holds
 */
export function giveBack({ buffer, byteLength }: ArrayBufferView): void {
  if (!(buffer instanceof ArrayBuffer) || buffer.byteLength !== byteLength) {
    throw new RangeError("others may have a part in the buffer");
  }
  buffer.transfer(0);
}
