/** The package's decoder written in JavaScript, which its exports leave out; vite.config.ts says where it lies. */
declare module 'meshopt-in-javascript' {
  export { MeshoptDecoder } from 'meshoptimizer/decoder'
}
