import { useEffect, useRef } from "react";
import { useLocation } from "wouter";

import { useMessages } from "@/messages/use-messages";

/** Name the view in the window's title, and put the focus into it where the old view had it. */
export function useViewChange(): void {
  const t = useMessages();
  const [location] = useLocation();
  // Never the name of a case, which browsers would keep in their history.
  const view = location === "/model" ? "model" : location === "/" ? "desk" : "reading";
  useEffect(() => {
    document.title = `${t(`nav.${view}`)} – tumorscope`;
  }, [t, view]);
  const last = useRef(location);
  useEffect(() => {
    // A page that has just been opened begins with the link that skips its head.
    if (last.current === location) return;
    last.current = location;
    if (document.activeElement === document.body) document.getElementById("content")?.focus();
  }, [location]);
}
