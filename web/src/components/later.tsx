import { useDeferredValue, type ReactNode } from "react";

/**
 * Draws its content behind what is in sight already, in pieces between which clicks have their
 * turn: a heavy part must not hold up the view that it belongs to.
 */
export function Later({ children }: { children: ReactNode }) {
  return useDeferredValue(true, false) ? children : null;
}
