/** All in millimetres, as A4 is. */
export const PAGE = { left: 18, top: 20, width: 174, bottom: 283 };
export const LINE = 5.6;
