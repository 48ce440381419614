import { ModelRoom } from "@/features/model-card/components/model-room";

export default function ModelPage() {
  return <ModelRoom />;
}
