export { type OpenTorch, openTorch } from "./open-torch.js";
