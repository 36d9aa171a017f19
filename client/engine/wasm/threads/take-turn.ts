/** Lets whatever else waits for this thread have its turn: a message, a timer, a socket. */
export function takeTurn(): Promise<void> {
  return new Promise((resolve) => {
    // Timers would wait for milliseconds in a tab, and for a second in a hidden one.
    const { port1, port2 } = new MessageChannel();
    port1.addEventListener("message", () => {
      port1.close();
      resolve();
    });
    port1.start();
    port2.postMessage(undefined);
  });
}
