import { useCallback, useSyncExternalStore } from "react";
import type { StoreApi } from "zustand/vanilla";

/** Often enough to look alive, seldom enough that hundreds of answers leave time for clicks. */
const PAUSE_MS = 150;

/** Part of a store for a view of very much: at once when all was quiet, else a few times a second.
 *  Not for what is typed into: the letter that was just typed may be a pause away. */
export function useCalmStore<State, Part>(
  store: StoreApi<State>,
  select: (state: State) => Part,
): Part {
  const subscribe = useCallback(
    (listener: () => void) => subscribeCalmly(store, listener),
    [store],
  );
  return useSyncExternalStore(subscribe, () => select(store.getState()));
}

function subscribeCalmly<State>(store: StoreApi<State>, listener: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isStale = false;
  const tell = () => {
    isStale = false;
    listener();
    timer = setTimeout(() => {
      timer = undefined;
      if (isStale) tell();
    }, PAUSE_MS);
  };
  const unsubscribe = store.subscribe(() => {
    if (timer === undefined) tell();
    else isStale = true;
  });
  return () => {
    clearTimeout(timer);
    unsubscribe();
  };
}
