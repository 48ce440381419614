/** Stands in for optional parts of libraries that the page does not use. */
export default null;
