// Owns when what comes fast is drawn: with the next frame, however often it is
// asked for, and so seldom that drawing takes a part of the time only.

const REST = 3; // so many times what drawing took, the page is left to other work

/**
 * @param {AbortSignal} signal until when
 * @param {() => void} draw
 * @returns {() => void} asks for it
 */
export function painter(signal, draw) {
  let isAsked = false;
  let restsUntil = 0;
  const paint = () => {
    isAsked = false;
    if (signal.aborted) return;
    const begun = performance.now();
    draw();
    // A task behind the frame also knows what layout took.
    setTimeout(() => {
      const now = performance.now();
      restsUntil = now + (now - begun) * REST;
    });
  };
  return () => {
    if (isAsked || signal.aborted) return;
    isAsked = true;
    const rest = restsUntil - performance.now();
    if (rest > 0) setTimeout(() => requestAnimationFrame(paint), rest);
    else requestAnimationFrame(paint);
  };
}
